// Redaction in requests and in answers.
import type { ChunkTransform, Json, JsonObject, PluginContext } from '@lamina/core/plugin';
import type { Rule } from './options.js';
import { patternReplacer, type Replacer } from './pattern.js';
import { keyOf, mapTexts } from './texts.js';

/** Other plugins run before, so that what they add is redacted, too. */
const last = { stage: 100 };

/** Replaces what the rules match. */
export function redactTexts({ hooks }: PluginContext, rules: readonly Rule[]): void {
  const inRequests = redactor(rules.filter(({ apply_to }) => apply_to !== 'responses'));
  const inResponses = redactor(rules.filter(({ apply_to }) => apply_to !== 'requests'));
  if (inRequests !== undefined)
    hooks.beforeRequest.tap((request) => {
      const json = request.json && mapTexts(request.json, (text) => inRequests()(text, true));
      return json === request.json ? undefined : { ...request, json: json! };
    }, last);
  if (inResponses !== undefined)
    hooks.transformResponse.tap((response) => {
      response.body((body) => mapTexts(body, (text) => inResponses()(text, true)));
      response.chunks(streamRedactor(inResponses));
    }, last);
}

/** Makes a replacer for a text: each rule works on what the one before it lets through. */
function redactor(rules: readonly Rule[]): (() => Replacer) | undefined {
  const makers = rules.map(({ pattern, flags = '', replacement = '[redacted]', max_length = 4096 }) =>
    patternReplacer(pattern, flags, replacement, max_length),
  );
  if (makers.length === 0) return undefined;
  return () => {
    const replacers = makers.map((make) => make());
    return (piece, isLast) => replacers.reduce((text, replace) => replace(text, isLast), piece);
  };
}

/**
 * Redacts the texts of one stream. Each chunk is passed on at once, without what is held back of its texts. That comes
 * with the next piece of the same text, or in a chunk of its own right before the one that ends the text.
 */
function streamRedactor(makeReplacer: () => Replacer): ChunkTransform {
  /** Each text of the stream, with the last chunk that had a piece of it. */
  const texts = new Map<string, { readonly replace: Replacer; readonly path: string; chunk: JsonObject }>();
  let added = 0;

  /** Chunks with what is held back of the texts whose keys begin like this. */
  const flush = (beginnings: readonly string[]): JsonObject[] =>
    [...texts].flatMap(([key, { replace, path, chunk }]) => {
      if (!beginnings.some((beginning) => key.startsWith(beginning))) return [];
      texts.delete(key);
      const rest = replace('', true);
      return rest === '' ? [] : [onlyText(chunk, path, rest) as JsonObject];
    });

  return {
    each(chunk) {
      const scope = scopeOf(chunk);
      // Of a typed event, only `delta` is a piece of a text; the others are whole.
      const pieces = scope !== '' ? '.delta' : chunk['choices'] === undefined ? '' : '.choices.';
      let ended = finishedChoices(chunk);
      let hasPiece = false;
      const changed = mapTexts(chunk, (text, path) => {
        if (!path.startsWith(pieces)) return makeReplacer()(text, true);
        hasPiece = true;
        const key = scope + path;
        const { replace } = texts.get(key) ?? { replace: makeReplacer() };
        texts.set(key, { replace, path, chunk });
        const isLast = ended.some((beginning) => key.startsWith(beginning));
        return replace(text, isLast);
      });
      if (scope !== '' && !hasPiece) ended = [`${scope}.`];
      const chunks = [...flush(ended), changed];
      const number = Number(chunk['sequence_number']) + added;
      added += chunks.length - 1;
      if (added === 0 || Number.isNaN(number)) return chunks;
      return chunks.map((each, index) => ({ ...each, sequence_number: number + index }));
    },
    end: () => flush(['']),
  };
}

/** The paths of the choices that end with this chunk. */
function finishedChoices({ choices }: JsonObject): string[] {
  if (!Array.isArray(choices)) return [];
  return (choices as JsonObject[]).flatMap((choice, place) =>
    choice['finish_reason'] ? [`.choices.${keyOf(String(place), choice)}.`] : [],
  );
}

/** Which text a typed event belongs to: `content_block_delta` and `content_block_stop` with one index are of one text. */
function scopeOf({ type, choices, index, item_id, output_index, content_index, summary_index }: JsonObject): string {
  if (typeof type !== 'string' || choices !== undefined) return '';
  const subject = type.replace(/[._][^._]*$/, '');
  return JSON.stringify([subject, index, item_id, output_index, content_index, summary_index]);
}

/** A chunk with one text, and without what clients add up, such as the id and the name of a tool call. */
function onlyText(value: Json, path: string, text: string, at = ''): Json {
  if (at === path) return text;
  const isList = Array.isArray(value);
  const kept = Object.entries(value as JsonObject).flatMap(([name, member]): [string, Json][] => {
    const place = `${at}.${isList ? keyOf(name, member) : name}`;
    if (`${path}.`.startsWith(`${place}.`)) return [[name, onlyText(member, path, text, place)]];
    const isMark = at === '' || typeof member !== 'string' || name === 'type';
    return isMark && (typeof member !== 'object' || member === null) ? [[name, member]] : [];
  });
  return isList ? kept.map(([, member]) => member) : Object.fromEntries(kept);
}
