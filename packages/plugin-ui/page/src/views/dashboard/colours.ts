// The colours of charts. A model has the colour of its name's hash, or if another model has that, the next one.

/** Colours that differ from one another, and from the surface by 3 to 1: `--chart-1` to `--chart-5`. */
const modelColours = ['chart-1', 'chart-2', 'chart-3', 'chart-4', 'chart-5'] as const;

/** How many models can be told apart. */
export const maxModels = modelColours.length;

/** A colour of the page: a variable of CSS without `--`. */
export type Colour = (typeof modelColours)[number] | 'chart-rest' | 'bad';

/** The colours of at most five models. They depend on the set of models, and not on its order. */
export function coloursOf(models: readonly string[]): ReadonlyMap<string, Colour> {
  const colours = new Map<string, Colour>();
  const free = new Set<Colour>(modelColours);
  for (const model of models.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, maxModels)) {
    let index = hash(model) % maxModels;
    while (!free.delete(modelColours[index]!)) index = (index + 1) % maxModels;
    colours.set(model, modelColours[index]!);
  }
  return colours;
}

/** FNV-1a, which spreads short names well. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0)!, 0x01000193) >>> 0;
  return value;
}
