// Finds the texts in the JSON of requests and answers.
import type { Json, JsonObject } from '@lamina/core/plugin';

/** Members that programs read: names, ids, kinds, schemas, vectors. All other strings are texts. */
const programs =
  'id type role name model object status tools functions format response_format grammar embedding b64_json';
const notTexts = new Set(programs.split(' '));
const notTextEnd = /(_id|_reason|schema)$/;

/** Members that repeat an answer where no pattern finds its texts: token by token, or for debugging. They are removed. */
const repetitions = /logprobs$|token_ids$|^__/;

type Members = Record<string, Json | undefined>;

/**
 * The value with its texts changed, of which only what changes is copied. `path` names the members and list elements
 * that lead to a text, as in `.choices.0.delta.content`. `isData`: inside the arguments of a tool call, where members
 * have any name.
 */
export function mapTexts<Value extends Json>(
  value: Value,
  change: (text: string, path: string) => string,
  path = '',
  isData = false,
): Value {
  if (typeof value === 'string') return change(value, path) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  let copy: Members | undefined;
  for (const name of Object.keys(value)) {
    const member = (value as JsonObject)[name]!;
    if (member === null || (typeof member !== 'string' && typeof member !== 'object')) continue;
    if (!isData && (notTexts.has(name) || notTextEnd.test(name) || isBinary(name, member, value as JsonObject)))
      continue;
    const hasData = isData || (path !== '' && (name === 'input' || name === 'arguments'));
    const isRemoved = repetitions.test(name) && typeof member === 'object';
    const place = `${path}.${isList ? keyOf(name, member) : name}`;
    const changed = isRemoved ? undefined : mapTexts(member, change, place, hasData);
    if (changed !== member) (copy ??= (isList ? [...(value as Json[])] : { ...value }) as Members)[name] = changed;
  }
  return (copy ?? value) as Value;
}

export function charactersIn(json: JsonObject): number {
  let characters = 0;
  mapTexts(json, (text) => ((characters += text.length), text));
  return characters;
}

/** Choices and tool calls say their place in the whole answer, which is not their place in a chunk. */
export function keyOf(place: string, element: Json): string {
  const index = (element as JsonObject | null)?.['index'];
  return typeof index === 'number' ? String(index) : place;
}

/** Images, sounds and documents in base64: a match in them would be chance. */
function isBinary(name: string, member: Json, { type }: JsonObject): boolean {
  if (typeof member !== 'string') return false;
  return name.endsWith('url') ? member.startsWith('data:') : /^(file_)?data$/.test(name) && type !== 'text';
}
