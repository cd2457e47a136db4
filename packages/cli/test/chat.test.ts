// lamina chat: a conversation at a keyboard, and what it is elsewhere.
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { Folder, lamina, type RunningCommand } from './support/command.js';
import { hasTerminals, keys, Terminal } from './support/terminal.js';

const manifest = `models:
  tiny: { path: tiny.fake, backend: fake }
  slow: { path: tiny.fake, backend: fake, options: { load_ms: 1500 } }
  endless: { path: tiny.fake, backend: fake, options: { chunk_ms: 5 } }
  far: { backend: fake, download: { url: "http://127.0.0.1:9/far.fake" } }
`;

describe('lamina chat', () => {
  let folder: Folder;
  let terminal: Terminal;
  let server: RunningCommand;
  beforeEach(async () => {
    folder = await Folder.make();
    await writeFile(folder.file('models/models.yaml'), manifest);
  });
  afterEach(() => folder.remove());

  const args = ['--config', 'config.mjs'];

  it('needs a terminal', async () => {
    for (const command of [
      ['chat', 'tiny'],
      ['chat', 'tiny', '--json'],
    ]) {
      const { child, ended } = folder.start(process.execPath, [lamina, ...command, ...args]);
      child.stdin!.end();
      const { code, stderr } = await ended;
      assert.equal(code, 2);
      assert.match(stderr, /\\?"lamina chat\\?" needs a terminal\. For one answer, use /);
    }
  });

  describe('at a keyboard', function () {
    const paste = (text: string): string => `\u001b[200~${text}\u001b[201~`;
    const start = async (...command: readonly string[]): Promise<void> => {
      const env = { ...process.env, XDG_STATE_HOME: folder.file('state') };
      terminal = Terminal.start(['chat', ...command, ...args], { cwd: folder.path, env });
      await terminal.saw(/\/help lists the commands, Ctrl-D leaves\.\n>>> /);
    };
    const say = (text: string): void => terminal.type(`${text}${keys.enter}`);
    /** The engine counts the characters of the last message. */
    const sawPrompt = async (message: string): Promise<void> => {
      const [, count] = await terminal.saw(/prompt (\d+) tokens\n\n>>> /);
      assert.equal(Number(count), message.length);
    };
    const leave = async (): Promise<void> => {
      terminal.type(keys.ctrlD);
      assert.equal(await terminal.ended, 0);
      assert.ok(terminal.raw.endsWith('\u001b[?2004l'));
    };
    const history = async (): Promise<readonly string[]> => {
      const text = await readFile(folder.file('state/lamina/history'), 'utf8');
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string);
    };

    before(function () {
      if (!hasTerminals) this.skip();
    });
    beforeEach(async () => {
      server = folder.start(process.execPath, [lamina, 'serve', ...args, '--port', '0']);
      await server.saw(/listens/);
    });
    afterEach(() => terminal.close());

    it('answers messages, until Ctrl-D', async () => {
      await start('tiny', '--stats');
      say('Who are you?');
      await terminal.saw(/tiny: 1 2 3 4\n/);
      await sawPrompt('Who are you?');
      say('And who am I?');
      await sawPrompt('And who am I?');
      await leave();
    });

    it('sends several lines as one message: in quotes, after a backslash, with Alt-Enter, and pasted', async () => {
      await start('tiny', '--stats');
      say('"""one');
      await terminal.saw(/\.\.\. /);
      say('two"""');
      await sawPrompt('one\ntwo');
      say('one\\');
      say('two');
      await sawPrompt('one\ntwo');
      terminal.type(`one${keys.escape}${keys.enter}`);
      say('two');
      await sawPrompt('one\ntwo');
      terminal.type(paste('one\rtwo\r\n"""three\\'));
      await terminal.saw(/\.\.\. """three/);
      say('.');
      await sawPrompt('one\ntwo\n"""three\\.');
      await leave();
      assert.deepEqual(await history(), ['one\ntwo', 'one\ntwo\n"""three\\.']);
    });

    it('stops an answer on Ctrl-C and keeps what there is of it', async () => {
      await start('endless', '--stats');
      say('please /count');
      await terminal.saw(/endless: 1 2 3/);
      terminal.type(keys.ctrlC);
      await terminal.saw(/\nStopped\. \/retry answers again\.\n\n>>> /);
      say('Hi');
      await terminal.saw(/endless: 1 2 3 4\n/);
      await sawPrompt('Hi');
      say('/save talk.md');
      await terminal.saw(/Saved to talk\.md/);
      await leave();
      const saved = await readFile(folder.file('talk.md'), 'utf8');
      assert.match(
        saved,
        /^## You\n\nplease \/count\n\n## Model\n\nendless: 1 2 3[\d ]*\n\n## You\n\nHi\n\n## Model\n\nendless: 1 2 3 4\n$/,
      );
    });

    it('clears a line on Ctrl-C; at an empty prompt, the second one leaves', async () => {
      await start('tiny');
      terminal.type(`half a mess${keys.ctrlC}`);
      await terminal.saw(/half a mess\n>>> /);
      terminal.type(keys.ctrlC);
      await terminal.saw(/Press Ctrl-C again to leave, or Ctrl-D, or type \/bye\.\n>>> /);
      say('Hi');
      await terminal.saw(/tiny: 1 2 3 4\n\n>>> /);
      terminal.type(keys.ctrlC);
      await terminal.saw(/Press Ctrl-C again/);
      terminal.type(keys.ctrlC);
      assert.equal(await terminal.ended, 0);
    });

    it('keeps what is typed during an answer for the next message', async () => {
      await start('slow', '--stats');
      say('first');
      say('second');
      await sawPrompt('first');
      await sawPrompt('second');
      await leave();
    });

    it('says what an answer waits for, and erases that', async () => {
      await start('slow');
      say('Hi');
      await terminal.saw(/Loading slow, \d+ %/);
      await terminal.saw(/slow: 1 2 3 4\n\n>>> /);
      assert.ok(terminal.raw.includes('\r\u001b[Kslow:'));
      await leave();
    });

    it('obeys commands', async () => {
      await start('tiny', '--system', 'Be brief');
      say('/system');
      await terminal.saw(/Instructions: Be brief\n/);
      say('/system ""');
      await terminal.saw(/There are no instructions\.\n/);
      say('/model');
      await terminal.saw(/\* tiny\n/);
      say('/model endless');
      await terminal.saw(/Chat with endless\.\n/);
      say('/model far');
      await terminal.saw(/Error: Files of model "far" are missing: .* Download them with "lamina pull far"\./s);
      say('/retry');
      await terminal.saw(/There is no message yet\./);
      say('/modle');
      await terminal.saw(/Error: Unknown command \/modle: did you mean \/model\?\n/);
      say('Hi');
      await terminal.saw(/endless: 1 2 3 4\n\n>>> /);
      say('/retry');
      await terminal.saw(/endless: 1 2 3 4\n\n>>> /);
      say('/clear');
      await terminal.saw(/The conversation is empty again\./);
      say('/save');
      await terminal.saw(/Error: There is nothing to save yet\./);
      say('/help');
      await terminal.saw(/\/bye +Leave\n/);
      say('/bye');
      assert.equal(await terminal.ended, 0);
    });

    it('sends images by their paths', async () => {
      await writeFile(folder.file('a dot.png'), 'pixels');
      await start('tiny', '--stats');
      const url = `data:image/png;base64,${Buffer.from('pixels').toString('base64')}`;
      const contentOf = (text: string) =>
        JSON.stringify([
          { type: 'text', text },
          { type: 'image_url', image_url: { url } },
        ]);
      say('What is in none.png?');
      await sawPrompt('What is in none.png?');
      say('What is in a\\ dot.png?');
      await sawPrompt(contentOf('What is in a\\ dot.png?'));
      say("Look at './a dot.png' please");
      await sawPrompt(contentOf("Look at './a dot.png' please"));
      say('/image a dot.png');
      await terminal.saw(/a dot\.png is sent with the next message\./);
      say('Hi');
      await sawPrompt(contentOf('Hi'));
      await leave();
    });

    it('remembers messages for the next chat, for their owner only', async () => {
      await start('tiny');
      say('Hi');
      await terminal.saw(/tiny: 1 2 3 4\n\n>>> /);
      await leave();
      assert.equal((await stat(folder.file('state/lamina/history'))).mode & 0o777, 0o600);
      const many = Array.from({ length: 1_005 }, (_, index) => `${JSON.stringify(`message\n${index}`)}\n`);
      await writeFile(folder.file('state/lamina/history'), many.join(''));
      await start('tiny', '--stats');
      terminal.type(keys.up);
      await terminal.saw(/message\n(?:\| )?1004/); // Node.js 24 marks further lines.
      terminal.type(keys.enter);
      await sawPrompt('message\n1004');
      await leave();
      const entries = await history();
      assert.deepEqual([entries.length, entries[0]], [1_000, 'message\n5']);
    });

    it('says that the server is gone, and keeps the text', async () => {
      await start('endless');
      say('please /count');
      await terminal.saw(/endless: 1 2 3/);
      server.child.kill('SIGKILL');
      await server.ended;
      await terminal.saw(/\nError: No Lamina server responds at .* \/retry tries again\.\n\n>>> /s);
      say('/save talk.md');
      await terminal.saw(/Saved to talk\.md/);
      await leave();
      assert.match(await readFile(folder.file('talk.md'), 'utf8'), /## Model\n\nendless: 1 2 3/);
    });
  });

  it('chats with the only model on disk, and else asks for a name', async function () {
    if (!hasTerminals) return this.skip();
    const run = () => Terminal.start(['chat', ...args], { cwd: folder.path, columns: 200 });
    const unnamed = run();
    await unnamed.saw(/lamina: Name a model: .*tiny.*\./);
    assert.equal(await unnamed.ended, 1);
    await writeFile(folder.file('models/models.yaml'), `${manifest}defaults: { conversational: slow }\n`);
    const preset = run();
    await preset.saw(/Chat with slow\..*\n>>> /);
    preset.type(keys.ctrlD);
    assert.equal(await preset.ended, 0);
  });
});
