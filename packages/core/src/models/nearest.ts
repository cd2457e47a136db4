// Which of many names was probably meant: a cheap comparison finds candidates, an exact one ranks them.
import { nearest, nearestHint } from '../kernel/check.js';

const candidates = 100;
const shown = 8;

/** A sentence for an unknown name: `Did you mean "x"? Known: "x", "y", … (12 in all).` */
export function nearestNames(name: string, names: readonly string[]): string {
  if (names.length === 0) return 'There are no models yet.';
  const close = names.length <= candidates ? names : likely(name, names);
  const hint = nearestHint(name, close);
  const listed = nearest(name, close)
    .slice(0, shown)
    .map((one) => `"${one}"`);
  const known = `Known: ${listed.join(', ')}${names.length > listed.length ? `, … (${names.length} in all)` : ''}.`;
  return hint.startsWith('did you mean') ? `D${hint.slice(1)} ${known}` : known;
}

/** The names that share most pairs of letters with the one asked for. */
function likely(name: string, names: readonly string[]): readonly string[] {
  const wanted = pairsOf(name);
  const scored = names.map((candidate) => ({
    candidate,
    shared: [...pairsOf(candidate)].filter((pair) => wanted.has(pair)).length - candidate.length / 100,
  }));
  return scored
    .sort((a, b) => b.shared - a.shared)
    .slice(0, candidates)
    .map(({ candidate }) => candidate);
}

function pairsOf(name: string): ReadonlySet<string> {
  const lower = name.toLowerCase();
  return new Set(Array.from({ length: Math.max(0, lower.length - 1) }, (_, index) => lower.slice(index, index + 2)));
}
