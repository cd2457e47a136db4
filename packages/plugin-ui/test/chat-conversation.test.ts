// Conversations as data: what is sent, how they are called and exported, and what is said of an answer.
import assert from 'node:assert/strict';
import { AnswerDraft, endOf } from '../page/dist/views/chat/answer-draft.js';
import {
  newConversation,
  titleOf,
  withMessage,
  type Answer,
  type Conversation,
  type Question,
} from '../page/dist/views/chat/conversation.js';
import { fileName, toJson, toMarkdown } from '../page/dist/views/chat/export.js';
import { defaultModel, modelChoices } from '../page/dist/views/chat/models.js';
import { progressText } from '../page/dist/views/chat/progress.js';
import { requestOf } from '../page/dist/views/chat/request.js';
import { liveStatsOf, statsOf } from '../page/dist/views/chat/speeds.js';
import { LaminaClientError } from '@lamina/client';

const question = (text: string, more: Partial<Question> = {}): Question => ({
  role: 'user',
  text,
  images: [],
  files: [],
  ...more,
});
const answer = (text: string, more: Partial<Answer> = {}): Answer => ({
  role: 'assistant',
  model: 'tiny',
  text,
  reasoning: '',
  toolCalls: [],
  state: 'complete',
  startedAt: 0,
  chunks: 0,
  ...more,
});
const conversation = (...messages: readonly (Question | Answer)[]): Conversation => ({
  ...messages.reduce(withMessage, newConversation('tiny')),
  createdAt: Date.UTC(2026, 10, 28),
});

describe('the request of a conversation', () => {
  it('has the system prompt, the messages without reasoning, and only the parameters that are set', () => {
    const { settings: _none, ...rest } = conversation(question('a'), answer('b', { reasoning: 'r' }), question('c'));
    assert.deepEqual(requestOf({ ...rest, settings: { system: 's', temperature: 0, seed: 7 } }, false), {
      model: 'tiny',
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'c' },
      ],
      temperature: 0,
      seed: 7,
    });
  });

  it('asks for the progress of the prompt only where the engine knows that', () => {
    assert.equal(requestOf(conversation(question('a')), true)['return_progress'], true);
    assert.ok(!('return_progress' in requestOf(conversation(question('a')), false)));
  });

  it('has images as parts, and text files in fences that they do not contain', () => {
    const { messages } = requestOf(
      conversation(
        question('see', { images: ['data:image/png;base64,AA=='], files: [{ name: 'a.md', text: '```\nx\n```\n' }] }),
      ),
      false,
    );
    assert.deepEqual(messages[0]!.content, [
      { type: 'text', text: 'see\n\na.md:\n````\n```\nx\n```\n````' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
    ]);
  });

  it('never has two messages of the user in a row, which many chat templates refuse', () => {
    const { messages } = requestOf(conversation(question('a'), answer('', { state: 'failed' }), question('b')), false);
    assert.deepEqual(messages, [{ role: 'user', content: 'a\n\nb' }]);
  });

  it('tells the model of its tool calls as text', () => {
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } } as const;
    const { messages } = requestOf(
      conversation(question('a'), answer('', { toolCalls: [call] }), question('b')),
      false,
    );
    assert.equal(messages[1]!.content, 'f({"a":1})');
  });
});

describe('the title of a conversation', () => {
  it('is the first line of the first message, or the name of its file', () => {
    assert.equal(titleOf(conversation()), 'New chat');
    assert.equal(titleOf(conversation(question('\n Hello \nyou'))), 'Hello ');
    assert.equal(titleOf(conversation(question('x'.repeat(100)))).length, 60);
    assert.equal(titleOf(conversation(question('', { files: [{ name: 'a.txt', text: '' }] }))), 'a.txt');
    assert.equal(titleOf(conversation(question('', { images: ['data:'] }))), 'Image');
  });
});

describe('an exported conversation', () => {
  const one = conversation(
    question('Who are you?', { images: ['data:'], files: [{ name: 'a.txt', text: 'x' }] }),
    answer('I am **tiny**.'),
    question('Again'),
    answer('', { state: 'failed', problem: 'No memory.' }),
  );

  it('is Markdown for people', () => {
    assert.equal(
      toMarkdown({ ...one, settings: { system: 'Be brief.' } }),
      '# Who are you?\n\n## System\n\nBe brief.\n\n## You\n\n(1 image)\n\nWho are you?\n\na.txt:\n```\nx\n```\n\n' +
        '## tiny\n\nI am **tiny**.\n\n## You\n\nAgain\n\n## tiny\n\n(No memory.)\n\n',
    );
  });

  it('is JSON with everything', () => {
    assert.deepEqual(JSON.parse(toJson([one])), { version: 1, conversations: [one] });
  });

  it('has a file name that every system takes', () => {
    assert.equal(fileName(one, 'md'), '2026-11-28-who-are-you.md');
    assert.equal(fileName(conversation(question('../*?')), 'json'), '2026-11-28-chat.json');
  });
});

describe('an answer that is put together from chunks', () => {
  const chunk = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta }], ...more });

  it('has reasoning, text, tool calls, usage and timings', () => {
    const draft = new AnswerDraft(answer('', { state: 'interrupted' }));
    assert.deepEqual(draft.progress, { kind: 'sent' });
    draft.add(chunk({ role: 'assistant', content: null }, { prompt_progress: { total: 12, cache: 0, processed: 4 } }));
    assert.deepEqual(draft.progress, { kind: 'reading', done: 4, total: 12 });
    draft.add(chunk({ reasoning_content: 'Hm' }));
    assert.equal(draft.progress, undefined);
    draft.add(chunk({ content: 'a' }));
    draft.add(chunk({ content: 'b' }));
    draft.add(chunk({ tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '{' } }] }));
    draft.add(chunk({ tool_calls: [{ index: 0, function: { arguments: '}' } }] }));
    draft.add({ choices: [{ delta: {}, finish_reason: 'tool_calls' }] });
    draft.add({ choices: [], usage: { prompt_tokens: 3 }, timings: { predicted_per_second: 5 } });
    draft.end('complete', {});
    const { startedAt: _started, firstAt: _first, textAt: _text, endedAt: _ended, ...rest } = draft.answer;
    assert.deepEqual(rest, {
      role: 'assistant',
      model: 'tiny',
      state: 'complete',
      reasoning: 'Hm',
      text: 'ab',
      chunks: 3,
      finishReason: 'tool_calls',
      toolCalls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } }],
      usage: { prompt_tokens: 3 },
      timings: { predicted_per_second: 5 },
    });
  });

  it('is stopped by the user, interrupted when the rest is lost, and failed otherwise', () => {
    const end = (code: string) => endOf(new LaminaClientError({ code, message: 'Why.' }));
    assert.deepEqual(end('ABORTED'), { state: 'stopped' });
    for (const code of ['CHAT_NOT_FOUND', 'CHUNKS_LOST', 'UNREACHABLE']) assert.equal(end(code).state, 'interrupted');
    assert.deepEqual(end('MODEL_NOT_FOUND'), { state: 'failed', problem: 'Why.' });
  });
});

describe('what is said of an answer', () => {
  const times = { startedAt: 0, firstAt: 1_500, endedAt: 3_500, chunks: 101 };

  it('is what the engine measured, and how much of the context it uses', () => {
    const usage = { prompt_tokens: 300, completion_tokens: 109 };
    const timings = { prompt_n: 300, prompt_per_second: 1_200, predicted_n: 109, predicted_per_second: 31 };
    assert.deepEqual(statsOf(answer('a', { ...times, usage, timings, contextLength: 8_192 })), [
      '109 tokens',
      '31 tok/s',
      'first after 1.5 s',
      'prompt 1,200 tok/s',
      'context 5 % of 8,192',
    ]);
  });

  it('is measured here where the engine does not tell, but not across an interruption', () => {
    assert.deepEqual(statsOf(answer('a', times)), ['101 tokens', '50 tok/s', 'first after 1.5 s']);
    assert.deepEqual(statsOf(answer('a', { ...times, state: 'interrupted' })), ['101 tokens', 'first after 1.5 s']);
    assert.deepEqual(liveStatsOf(answer('a', times), 2_500), ['101 tokens', '100 tok/s']);
    assert.deepEqual(liveStatsOf(answer('', { chunks: 0 }), 2_500), []);
  });

  it('is what it waits for, in words', () => {
    const text = (progress: Parameters<typeof progressText>[0], isReady = false) =>
      progressText(progress, 'tiny', isReady);
    assert.deepEqual(text({ kind: 'sent' }), { text: 'Waiting for tiny' });
    assert.deepEqual(text({ kind: 'queued', position: 2 }), { text: 'Waiting: number 2 in the queue' });
    assert.deepEqual(text({ kind: 'loading', stage: 'x', ratio: 0.62 }), { text: 'Loading tiny: 62 %', ratio: 0.62 });
    assert.deepEqual(text({ kind: 'loading', stage: 'x' }), { text: 'Loading tiny' });
    assert.deepEqual(text({ kind: 'loading', stage: 'x' }, true), { text: 'Reading the prompt' });
    assert.deepEqual(text({ kind: 'reading', done: 3_000, total: 12_000 }), {
      text: 'Reading 3,000 of 12,000 tokens',
      ratio: 0.25,
    });
  });
});

describe('the models of a chat', () => {
  const model = (state: 'ready' | 'stopped', available = true) => ({
    state,
    available,
    active: state === 'ready',
    bytes: 1,
  });
  const models = {
    models: { b: model('stopped'), gone: model('stopped', false), run: model('ready'), embed: model('ready') },
    total: 4,
    available: 3,
    active: 2,
  };
  const served = {
    object: 'list',
    data: [
      { id: 'embed', capabilities: ['embeddings'] },
      { id: 'b', capabilities: [] },
    ],
  };
  const choices = modelChoices(models, served as unknown as Parameters<typeof modelChoices>[1]);

  it('are those that can chat: first those that run, then those on disk', () => {
    assert.deepEqual(
      choices.map(({ name }) => name),
      ['run', 'b', 'gone'],
    );
  });

  it('have a default: the one of last time if it can be used, or else the first', () => {
    assert.equal(defaultModel(choices, 'b'), 'b');
    assert.equal(defaultModel(choices, 'gone'), 'run');
    assert.equal(defaultModel([], 'b'), '');
  });
});
