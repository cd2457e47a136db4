// However an engine splits a secret over chunks, no part of the answer has it, and the rest of the text is unchanged.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ChunkTransform, JsonObject, Plugin, PluginContext, ResponseTransforms } from '@lamina/core/plugin';
import { guard } from '../dist/index.js';
import { chatChunks, eventsIn, messages, startStage, type Stage } from './support/engine.js';

const rules = [
  { pattern: 'sk-[A-Za-z0-9]{8,}' },
  { pattern: '(?<!\\d)\\d{4}[ -]?\\d{4}(?!\\d)', replacement: '####' },
  { pattern: '\\b(?:[a-z]+|[a-z]+\\.[a-z]+)@[a-z]+\\.(?:de|dev)\\b', flags: 'i' },
  { pattern: '-----BEGIN KEY-----[^]*?-----END KEY-----', replacement: '(key)' },
  { pattern: '(?<=password: )\\S+' },
  { pattern: '🔑+' },
];
/** What the rules make of a whole text, by the regular expressions of JavaScript alone. */
const redacted = (text: string) =>
  rules.reduce(
    (changed, { pattern, flags = '', replacement = '[redacted]' }) =>
      changed.replaceAll(new RegExp(pattern, `gu${flags}`), () => replacement),
    text,
  );

const secrets = ['sk-abcd1234', '1234-5678', '12345678', 'Ann.Lee@example.dev', 'password: hunter2', '🔑🔑'];
const key = '-----BEGIN KEY-----\nabc\n-----END KEY-----';
/** Secrets, what only begins like one, and other text. */
const word = fc.oneof(
  fc.constantFrom(...secrets, key),
  fc.constantFrom('sk-', 'sk-abc ', '1234', '-', 'ann@', '@example.d', '-----BEGIN', 'password:', ' ', '\n', '.', '😀'),
  fc.string({ maxLength: 5 }),
);
const text = fc.array(word, { maxLength: 8 }).map((words) => words.join(''));
/** A text in random pieces, split also inside of characters, most of them short. */
const split = fc.tuple(text, fc.infiniteStream(fc.oneof(fc.nat(3), fc.nat(20)))).map(([whole, lengths]) => {
  const pieces: string[] = [];
  for (let at = 0; at < whole.length; at += pieces.at(-1)!.length)
    pieces.push(whole.slice(at, at + (lengths.next().value as number)));
  return pieces;
});

type Tap = (response: ResponseTransforms) => void;

/** The tap of the plugin, which is called when an answer begins. */
function tapOf(plugin: Plugin): Tap {
  let tap: Tap | undefined;
  const hooks = {
    beforeRequest: { tap: () => undefined },
    transformResponse: { tap: (run: Tap) => (tap = run) },
  };
  void plugin.setup({ hooks } as unknown as PluginContext, plugin.options as never);
  return tap!;
}

/** What becomes of the chunks of one answer. */
function sent(tap: Tap, chunks: readonly object[]): readonly JsonObject[] {
  let transform: ChunkTransform | undefined;
  tap({ isStream: true, chunks: (asked) => (transform = asked), body: () => undefined });
  const changed = (chunks as readonly JsonObject[]).flatMap((chunk) => transform!.each(chunk) ?? []);
  return [...changed, ...(transform!.end?.() ?? [])];
}

/** A stream of two choices with three texts each, and the texts by choice and name. */
const chat = fc
  .tuple(fc.array(split, { minLength: 6, maxLength: 6 }), fc.infiniteStream(fc.nat(5)))
  .map(([pieces, order]) => {
    const left = pieces.map((each) => [...each]);
    const chunks: object[] = [];
    const add = (index: number, delta: object, finish_reason: string | null = null) =>
      chunks.push({ id: 'one', choices: [{ index, delta, finish_reason }] });
    const names = { id: 'call', function: { name: 'find', arguments: '' } };
    for (const index of [0, 1])
      add(index, { role: 'assistant', tool_calls: [{ index: 0, type: 'function', ...names }] });
    while (left.some(({ length }) => length > 0)) {
      const field = order.next().value as number;
      const piece = left[field]!.shift();
      if (piece === undefined) continue;
      const tool_calls = [{ index: 0, function: { arguments: piece } }];
      const deltas = [{ content: piece }, { reasoning_content: piece }, { tool_calls }];
      add(field % 2, deltas[field >> 1]!);
    }
    for (const index of [0, 1]) add(index, {}, 'stop');
    chunks.push({ id: 'one', choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } });
    return { chunks, texts: pieces.map((each) => each.join('')) };
  });

interface Chunk {
  readonly choices: readonly {
    readonly index: number;
    readonly delta: {
      readonly content?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly { readonly id?: string; readonly function: { readonly arguments: string } }[];
    };
    readonly finish_reason: string | null;
  }[];
}

/** The texts that a client puts together, in the order of `chat`. */
function textsOf(chunks: readonly Chunk[]): string[] {
  const texts = ['', '', '', '', '', ''];
  for (const { index, delta } of chunks.flatMap(({ choices }) => choices)) {
    const { content = '', reasoning_content = '', tool_calls = [] } = delta;
    texts[index] += content;
    texts[2 + index] += reasoning_content;
    for (const call of tool_calls) texts[4 + index] += call.function.arguments;
  }
  return texts;
}

describe('redaction in streams', () => {
  const tap = tapOf(guard({ redact: rules }));

  it('finds what it finds in the whole text, in 10,000 random splits', () => {
    let found = 0;
    fc.assert(
      fc.property(split, (pieces) => {
        const out = sent(tap, chatChunks(pieces)) as unknown as Chunk[];
        const whole = pieces.join('');
        if (redacted(whole) !== whole) found += 1;
        assert.equal(textsOf(out)[0], redacted(whole));
      }),
      { numRuns: 10_000 },
    );
    assert.ok(found > 5_000, `only ${found} texts had a secret`);
  });

  it('keeps choices, texts, reasoning and tool calls apart, and ends each before its finish chunk', () => {
    fc.assert(
      fc.property(chat, ({ chunks, texts }) => {
        const out = sent(tap, chunks) as unknown as Chunk[];
        assert.deepEqual(textsOf(out), texts.map(redacted));
        assert.deepEqual(out.slice(-1), chunks.slice(-1));
        for (const index of [0, 1]) {
          const own = out.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
          assert.deepEqual(
            own.map(({ finish_reason }) => finish_reason),
            [...own.slice(1).map(() => null), 'stop'],
          );
          // Clients add up what comes twice.
          assert.equal(own.filter(({ delta }) => delta.tool_calls?.[0]?.id !== undefined).length, 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  describe('of an engine', () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage([guard({ redact: rules })]);
    });
    after(() => stage.close());

    it('is the same for 300 chats in process', async () => {
      await fc.assert(
        fc.asyncProperty(split, async (pieces) => {
          stage.reply = { chunks: chatChunks(pieces) };
          assert.equal(await stage.lamina.chat({ model: 'far', messages }).text(), redacted(pieces.join('')));
        }),
        { numRuns: 300 },
      );
    });

    it('is the same for 100 chats over HTTP', async () => {
      await fc.assert(
        fc.asyncProperty(chat, async ({ chunks, texts }) => {
          stage.reply = { chunks };
          const response = await stage.post('/v1/chat/completions', { messages, stream: true });
          assert.deepEqual(textsOf(eventsIn(await response.text()) as unknown as Chunk[]), texts.map(redacted));
        }),
        { numRuns: 100 },
      );
    });
  });
});
