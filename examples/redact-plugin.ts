// A plugin that hides a word in answers, also where the engine sends it in two chunks.
import { definePlugin, type JsonObject } from '@lamina/core/plugin';

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
}
interface Body {
  readonly choices?: readonly { readonly message?: { readonly content?: string } }[];
}

export const redact = definePlugin({
  name: 'redact',
  options: {
    type: 'object',
    properties: { word: { type: 'string', minLength: 2 } },
    required: ['word'],
    additionalProperties: false,
  },
  setup(lamina, { word }) {
    lamina.hooks.transformResponse.tap((response, { route }) => {
      if (route !== 'chat/completions') return;
      if (!response.isStream) return response.body((body) => redactBody(body, word));

      let held = ''; // The end of the text so far, when it may be the beginning of the word.
      let last: JsonObject = {};
      const withText = (chunk: JsonObject, content: string) =>
        ({ ...chunk, choices: [{ index: 0, delta: { content } }] }) as JsonObject;
      response.chunks({
        each(chunk) {
          const text = (chunk as Chunk).choices?.[0]?.delta?.content;
          if (typeof text !== 'string') {
            if (held === '' || (chunk as Chunk).choices?.length === 0) return chunk;
            const rest = withText(last, held); // The chunk that ends the text: what is held back comes before it.
            held = '';
            return [rest, chunk];
          }
          last = chunk;
          const all = (held + text).replaceAll(word, '…');
          held = beginningAtEnd(all, word);
          return all === held ? undefined : withText(chunk, all.slice(0, all.length - held.length));
        },
        end: () => (held === '' ? [] : [withText(last, held)]),
      });
    });
  },
});

function beginningAtEnd(text: string, word: string): string {
  for (let length = word.length - 1; length > 0; length--)
    if (text.endsWith(word.slice(0, length))) return word.slice(0, length);
  return '';
}

function redactBody(body: JsonObject, word: string): JsonObject {
  const choices = (body as Body).choices?.map((choice) => ({
    ...choice,
    message: { ...choice.message, content: choice.message?.content?.replaceAll(word, '…') },
  }));
  return choices === undefined ? body : ({ ...body, choices } as unknown as JsonObject);
}
