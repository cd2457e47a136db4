// Checks that what a plugin hands over has the members that core calls, so that a missing one is named at once.

/** Member → its type; `list` is an array of strings. A `?` at the end allows that it is missing. */
export type Shape = Readonly<Record<string, `${'function' | 'text' | 'object' | 'list'}${'' | '?'}`>>;

/** What is wrong with the shape of a value: `it has no function "resolve"`; `undefined` when nothing is. */
export function shapeProblem(value: unknown, shape: Shape): string | undefined {
  if (typeof value !== 'object' || value === null) return `it is ${nameOf(value)}, not an object`;
  for (const [member, wanted] of Object.entries(shape)) {
    const given = (value as Readonly<Record<string, unknown>>)[member];
    const isOptional = wanted.endsWith('?');
    const type = isOptional ? wanted.slice(0, -1) : wanted;
    if (given === undefined && isOptional) continue;
    if (given === undefined) return `it has no ${type} "${member}"`;
    if (!isOfType(given, type)) return `its "${member}" must be ${articles[type]}, not ${nameOf(given)}`;
  }
  return undefined;
}

const articles: Readonly<Record<string, string>> = {
  function: 'a function',
  text: 'a text that is not empty',
  object: 'an object',
  list: 'a list of texts',
};

function isOfType(value: unknown, type: string): boolean {
  if (type === 'function') return typeof value === 'function';
  if (type === 'text') return typeof value === 'string' && value !== '';
  if (type === 'list') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return typeof value === 'object' && value !== null;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return 'a function';
  return JSON.stringify(value)?.slice(0, 40) ?? `a ${typeof value}`;
}
