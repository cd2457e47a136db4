// lamina run: one answer, in pipes and on a terminal.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Folder, lamina } from './support/command.js';
import { hasTerminals, keys, Terminal } from './support/terminal.js';

const manifest = `models:
  tiny: { path: tiny.fake, backend: fake }
  thinker: { path: tiny.fake, backend: fake, options: { reasoning: Hmm. } }
  endless: { path: tiny.fake, backend: fake, options: { chunk_ms: 5 } }
  far: { backend: fake, download: { url: "http://127.0.0.1:9/far.fake" } }
`;

describe('lamina run', () => {
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
    await writeFile(folder.file('models/models.yaml'), manifest);
  });
  afterEach(() => folder.remove());

  const config = ['--config', 'config.mjs'];
  const start = (args: readonly string[], input = '') => {
    const running = folder.start(process.execPath, [lamina, 'run', ...args, ...config]);
    running.child.stdin!.end(input);
    return running;
  };

  it('prints the answer of a running server', async () => {
    const url = await folder.serve();
    const { code, stdout, stderr } = await folder.run('run', 'tiny', 'Who', 'are', 'you?', '--server', url);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'tiny: 1 2 3 4\n', stderr: '' });
  });

  it('starts an engine when no server runs, and stops it', async () => {
    assert.deepEqual(await start(['tiny', 'Hi']).ended, { code: 0, stdout: 'tiny: 1 2 3 4\n', stderr: '' });
  });

  it('adds standard input below the prompt', async () => {
    await folder.serve();
    const json = async (input: string, ...prompt: readonly string[]) => {
      const { stdout } = await start(['tiny', ...prompt, '--json'], input).ended;
      return JSON.parse(stdout.trim().split('\n').at(-1)!) as { usage: { prompt_tokens: number } };
    };
    // The fake engine counts the characters of the last message.
    assert.equal((await json('', 'Sum up:')).usage.prompt_tokens, 'Sum up:'.length);
    assert.equal((await json('a\nb\n')).usage.prompt_tokens, 'a\nb'.length);
    assert.equal((await json('a\nb\n', 'Sum up:')).usage.prompt_tokens, 'Sum up:\n\na\nb'.length);
  });

  it('prints the chunks as JSON lines, the last one with the usage', async () => {
    const { stdout } = await folder.here('run', 'thinker', 'Hi', '--json');
    const chunks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { choices: { delta: Record<string, string> }[]; usage?: object });
    const of = (key: string) => chunks.map(({ choices }) => choices[0]?.delta[key] ?? '').join('');
    assert.equal(of('reasoning_content'), 'Hmm.');
    assert.equal(of('content'), 'thinker: 1 2 3 4');
    assert.deepEqual(chunks.at(-1)!.usage, { prompt_tokens: 2, completion_tokens: 5, total_tokens: 7 });
  });

  it('leaves reasoning out of a pipe, and prints the speed to standard error', async () => {
    const { stdout, stderr } = await folder.here('run', 'thinker', 'Hi', '--stats');
    assert.equal(stdout, 'thinker: 1 2 3 4\n');
    assert.match(stderr, /^5 tokens · [\d.]+ tok\/s · first after [\d.]+ s · prompt 2 tokens\n$/);
  });

  it('sends instructions and images', async () => {
    await writeFile(folder.file('dot.png'), 'pixels');
    const { stdout } = await folder.here('run', 'tiny', 'What?', '--image', folder.file('dot.png'), '--json');
    const content = [
      { type: 'text', text: 'What?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${Buffer.from('pixels').toString('base64')}` } },
    ];
    assert.match(stdout, new RegExp(`"prompt_tokens":${JSON.stringify(content).length},`));
    const missing = await folder.here('run', 'tiny', 'What?', '--image', 'none.png');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^lamina: Cannot read the image none\.png: .*\.\n$/);
  });

  it('ends with 130 on Ctrl-C, with what was printed', async () => {
    const { child, ended, saw } = start(['endless', 'please /count']);
    await saw(/endless: 1 2 3/);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    assert.deepEqual({ code, stderr }, { code: 130, stderr: '' });
    assert.ok(stdout.endsWith('\n'));
  });

  it('is wrong usage without a prompt', async () => {
    const { code, stdout, stderr } = await start(['tiny'], ' \n').ended;
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /^lamina: There is no prompt\. Add one: lamina run tiny "Why is the sky blue\?"/);
  });

  it('says how to get a model that is not on disk', async () => {
    const { code, stderr } = await folder.here('run', 'far', 'Hi');
    assert.equal(code, 1);
    assert.match(stderr, /^lamina: Files of model "far" are missing: .* Download them with "lamina pull far"/);
  });

  it('prints reasoning on a terminal, dim, and the answer below it', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = Terminal.start(['run', 'thinker', 'Hi', ...config], { cwd: folder.path });
    assert.equal(await terminal.ended, 0);
    assert.ok(terminal.raw.includes('\u001b[2mHmm.\u001b[22m\r\n\r\nthinker: 1 2 3 4\r\n'), terminal.raw);
  });

  it('ends with 130 on Ctrl-C in a terminal', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = Terminal.start(['run', 'endless', 'please /count', ...config], { cwd: folder.path });
    await terminal.saw(/endless: 1 2 3/);
    terminal.type(keys.ctrlC);
    assert.equal(await terminal.ended, 130);
  });

  it('without a prompt is a chat on a terminal', async function () {
    if (!hasTerminals) return this.skip();
    const env = { ...process.env, LAMINA_NO_HISTORY: '1' };
    const terminal = Terminal.start(['run', 'tiny', ...config], { cwd: folder.path, env });
    await terminal.saw(/Chat with tiny\. .*\n>>> /);
    terminal.type(keys.ctrlD);
    assert.equal(await terminal.ended, 0);
  });
});
