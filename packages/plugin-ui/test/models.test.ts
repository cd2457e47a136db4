// What the view of the models shows: the order of the rows, its sentences, and what one copies from it.
import assert from 'node:assert/strict';
import type { DownloadView, ModelDetail, ModelView, PsModel, ServedModel } from '@lamina/core/protocol';
import { apiUrl, curlLine, modelPath } from '../page/dist/views/models/addresses.js';
import { detailFacts } from '../page/dist/views/models/details.js';
import { canChat, matchingRows, modelsElsewhere, modelsHere } from '../page/dist/views/models/model-rows.js';
import {
  memoryText,
  progressText,
  requestsText,
  resourceText,
  sharesOf,
  stopQuestion,
  untilText,
  waitingText,
} from '../page/dist/views/models/sentences.js';

const model = (change: Partial<ModelView> = {}): ModelView => ({
  bytes: 1000,
  available: true,
  active: false,
  state: 'stopped',
  ...change,
});
const run = (change: Partial<PsModel> = {}): PsModel => ({ state: 'ready', busy: 0, waiting: 0, ...change });
const download = (name: string, state: DownloadView['state']): DownloadView => ({
  id: `${name}-${state}`,
  model: name,
  source: 'url',
  reference: 'https://example.org/x.gguf',
  state,
  done: 0,
  bytes_per_second: 0,
  files: [],
  created_at: '2026-11-28T12:00:00Z',
});
const served = (id: string, change: Partial<ServedModel> = {}): ServedModel => ({
  id,
  object: 'model',
  created: 0,
  owned_by: 'lamina',
  state: 'stopped',
  meta: {},
  ...change,
});
const namesOf = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);

describe('the rows of the models', () => {
  const models = {
    'model-10': model(),
    'model-9': model(),
    broken: model({ state: 'failed' }),
    gone: model({ available: false, bytes: 0 }),
    wanted: model({ available: false, bytes: 0 }),
    writer: model({ state: 'ready', active: true }),
    coder: model({ state: 'starting' }),
  };
  const downloads = [download('wanted', 'active'), download('fresh', 'paused'), download('writer', 'finished')];

  it('have those in use first, then those that failed, then the others by name with numbers in order', () => {
    assert.deepEqual(namesOf(modelsHere({ models })), ['coder', 'writer', 'broken', 'model-9', 'model-10']);
  });

  it('have those that are not on disk apart, those that are being downloaded first, also before they have an entry', () => {
    assert.deepEqual(namesOf(modelsElsewhere({ models, downloads })), ['fresh', 'wanted', 'gone']);
  });

  it('keep a model that runs although its files are gone', () => {
    const gone = { gone: model({ available: false, state: 'ready', active: true }) };
    assert.deepEqual([namesOf(modelsHere({ models: gone })), modelsElsewhere({ models: gone })], [['gone'], []]);
  });

  it('have what each list of the server says of a model, and only a download that has not finished', () => {
    const runs = { writer: run({ busy: 1 }) };
    const [, row] = modelsHere({ models, runs, downloads, served: [served('writer', { context_length: 8192 })] });
    assert.deepEqual([row?.run?.busy, row?.served?.context_length, row?.download], [1, 8192, undefined]);
  });

  it('are found by every word, in the name, the description, an alias, the engine or the state', () => {
    const rows = modelsHere({
      models: {
        tiny: model({ description: 'Answers quickly', aliases: ['small'], runs_on: 'llama.cpp' }),
        writer: model({ state: 'ready', active: true }),
      },
    });
    const found = (text: string) => namesOf(matchingRows(rows, text));
    assert.deepEqual(found(' QUICKLY tin '), ['tiny']);
    assert.deepEqual(found('small'), ['tiny']);
    assert.deepEqual(found('llama'), ['tiny']);
    assert.deepEqual(found('ready'), ['writer']);
    assert.deepEqual(found(''), ['writer', 'tiny']);
    assert.deepEqual(found('tiny ready'), []);
  });

  it('offer a chat with what can chat, or of which nobody knows', () => {
    const embeds = served('a', { capabilities: ['embeddings'] });
    assert.equal(canChat({ name: 'a', model: model() }), true);
    assert.equal(canChat({ name: 'a', model: model(), served: served('a', { capabilities: ['chat'] }) }), true);
    assert.equal(canChat({ name: 'a', model: model(), served: embeds }), false);
    assert.equal(canChat({ name: 'a', model: model({ cannot_run: 'no engine' }) }), false);
    assert.equal(canChat({ name: 'a', model: model({ available: false }) }), false);
  });
});

describe('the sentences about a model in use', () => {
  const now = Date.parse('2026-11-28T12:00:00Z');
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

  it('say how many requests run and wait', () => {
    assert.equal(requestsText(run({ busy: 1, waiting: 2 })), '1 running, 2 waiting');
    assert.equal(requestsText(run({ busy: 1, capacity: 4 })), '1 of 4 running');
    assert.equal(requestsText(run()), 'idle');
    assert.equal(requestsText(run({ state: 'starting' })), undefined);
  });

  it('say why requests wait', () => {
    assert.equal(waitingText(run({ waiting: 1, wait_reason: '"coder" is busy' })), 'Waiting: "coder" is busy.');
    const full = run({ busy: 1, capacity: 1, waiting: 2 });
    assert.equal(waitingText(full), 'Waiting: it serves 1 request at once.');
    assert.equal(waitingText({ ...full, waiting: 0 }), undefined);
    assert.equal(waitingText(run({ state: 'starting', waiting: 1 })), undefined);
  });

  it('say when it stops, in minutes above one', () => {
    assert.equal(untilText(run({ idle_at: at(245) }), now), 'stops in 4 min');
    assert.equal(untilText(run({ idle_at: at(12.4) }), now), 'stops in 13 s');
    assert.equal(untilText(run({ idle_at: at(-3) }), now), 'stops in 1 s');
    assert.equal(untilText(run({ idle_at: at(7500) }), now), 'stops in 2 h 5 min');
    assert.equal(untilText(run(), now), 'stays loaded');
    assert.equal(untilText(run({ busy: 1 }), now), undefined);
  });

  it('say when one that failed can start again, until then', () => {
    assert.equal(untilText(run({ state: 'failed', retry_at: at(8) }), now), 'can start again in 8 s');
    assert.equal(untilText(run({ state: 'failed', retry_at: at(-8) }), now), undefined);
  });

  it('name the stage of a start, and how far it is', () => {
    assert.equal(progressText({ stage: 'loading_weights', ratio: 0.62 }), 'Loading weights, 62 %');
    assert.equal(progressText({ stage: 'loading' }), 'Loading');
  });

  it('ask before a stop only while answers are under way, and say what happens to them', () => {
    assert.equal(stopQuestion(undefined, undefined), undefined);
    assert.equal(stopQuestion(run({ waiting: 2 }), undefined), undefined);
    assert.equal(
      stopQuestion(run({ busy: 1 }), undefined),
      '1 answer is under way: it may go on for 30 s unless the server is configured otherwise, then it is cut off.',
    );
    assert.equal(
      stopQuestion(run({ busy: 2, waiting: 1 }), { drain_timeout: 5 }),
      '2 answers are under way: they may go on for 5 s, then they are cut off. 1 request that waits fails now.',
    );
    assert.equal(stopQuestion(run({ busy: 1 }), { drain_timeout: 0 }), '1 answer is under way: it is cut off at once.');
  });
});

describe('the sentences about memory', () => {
  it('say what a model holds, how that is known, and that counts are no memory', () => {
    const memory = { reserved: { host: 2_000_000_000, CUDA0: 600_000_000, servers: 1 }, basis: 'estimate' } as const;
    assert.equal(memoryText({ memory }), '2.6 GB reserved, estimated from its files');
    assert.equal(
      memoryText({ memory: { ...memory, basis: 'learned', resident_bytes: 2_400_000_000, slow: true } }),
      '2.6 GB reserved, as it took before; 2.4 GB of system memory measured, without mapped files; its weights do not fit in memory, so it is slow',
    );
    assert.equal(memoryText({}), undefined);
  });

  it('say what is reserved of each resource', () => {
    const host = { budget: 16_000_000_000, reserved: 8_000_000_000, free: 7_000_000_000 };
    assert.equal(resourceText('host', host), '8 GB of 16 GB of memory reserved, 7 GB free');
    assert.equal(resourceText('CUDA0', { reserved: 0 }), '0 bytes of memory of CUDA0 reserved');
    assert.equal(resourceText('servers', { budget: 2, reserved: 1 }), '1 of 2 models loaded');
    assert.equal(resourceText('group:large', { budget: 1, reserved: 1 }), '1 of 1 loaded of the group “large”');
  });

  it('share a budget among the models that hold some of it, and never exceed it', () => {
    const holds = (host: number) => run({ memory: { reserved: { host, servers: 1 }, basis: 'unknown' } });
    const models = { a: holds(4), b: holds(40), c: holds(0), d: run() };
    const resources = {
      host: { budget: 16, reserved: 8 },
      servers: { budget: 2, reserved: 2 },
      CUDA0: { reserved: 0 },
    };
    const shares = (name: string) => sharesOf(name, { models, resources });
    assert.deepEqual(shares('host'), [
      { model: 'a', share: 0.25 },
      { model: 'b', share: 1 },
    ]);
    assert.deepEqual([shares('servers'), shares('CUDA0'), shares('none')], [[], [], []]);
  });
});

describe('what one copies from a model', () => {
  const base = new URL('https://example.org/ai/');

  it('has paths that keep the slashes of a name and escape everything else', () => {
    assert.equal(modelPath('team/slow coder'), 'models/team/slow%20coder');
    assert.equal(new URL(modelPath('a?b#c%d'), base).href, 'https://example.org/ai/models/a%3Fb%23c%25d');
  });

  it('has the base URL that clients need, below any path', () => {
    assert.equal(apiUrl(base), 'https://example.org/ai/v1');
  });

  it('has a line for a shell that quotes the name, and names the variable of the key, never the key', () => {
    assert.equal(
      curlLine(base, "it's", { hasKey: true }),
      `curl https://example.org/ai/v1/chat/completions -H "Authorization: Bearer $LAMINA_API_KEY" -H 'Content-Type: application/json' ` +
        `-d '{"model":"it'\\''s","messages":[{"role":"user","content":"Hello"}]}'`,
    );
  });

  it('asks what the model can do', () => {
    const line = (capabilities: readonly string[]) => curlLine(base, 'a', { capabilities, hasKey: false });
    assert.match(line(['embeddings']), /\/v1\/embeddings .*"input":"Hello"/);
    assert.match(line(['rerank']), /\/v1\/rerank .*"documents"/);
    assert.match(line(['chat', 'embeddings']), /\/v1\/chat\/completions /);
    assert.doesNotMatch(line([]), /Authorization/);
  });
});

describe('the details of a model', () => {
  const facts = (detail: Partial<ModelDetail>, held?: PsModel) =>
    Object.fromEntries(detailFacts({ ...model(), ...detail }, held));

  it('have what is known, as text', () => {
    const shown = facts({
      runs_on: 'llama.cpp',
      context_length: 8192,
      aliases: ['small', 'fast'],
      options: { context_length: 8192, cache: { type: 'q8_0' } },
      memory: { bytes: 2_600_000_000, context_length: 8192 },
      metadata: { context_length: 131_072, architecture: 'llama' },
      pinned: true,
    });
    assert.equal(shown['Engine'], 'llama.cpp');
    assert.equal(shown['Context'], '8,192 tokens');
    assert.equal(shown['Trained for'], '131,072 tokens');
    assert.equal(shown['Aliases'], 'small, fast');
    assert.equal(shown['Options'], '{ "context_length": 8192, "cache": { "type": "q8_0" } }');
    assert.equal(shown['Needs'], '2.6 GB for 8,192 tokens');
    assert.match(shown['Pinned']!, /^yes/);
    assert.deepEqual([shown['Parameters'], shown['Preloaded'], shown['Limits']], [undefined, undefined, undefined]);
  });

  it('have the keys of plugins, and not the chat template or the state', () => {
    const shown = facts({ preset_of: 'tiny', rate: { limit: 3 }, metadata: { chat_template: '{{ x }}' } });
    assert.deepEqual([shown['preset_of'], shown['rate']], ['tiny', '{ "limit": 3 }']);
    assert.ok(!JSON.stringify(shown).includes('{{'));
    assert.equal(shown['state'], undefined);
  });

  it('have the engine that runs it rather than the one that would', () => {
    assert.equal(facts({ runs_on: 'vllm' }, run({ backend: 'embedded' }))['Engine'], 'embedded');
  });
});
