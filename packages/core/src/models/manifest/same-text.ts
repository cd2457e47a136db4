// How much two texts have in common: compared in stretches, since a single character costs as much as a stretch.

const stretch = 4096;

/** So many characters are the same at the beginning of both. */
export function sameAtBeginning(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same + stretch <= most && a.slice(same, same + stretch) === b.slice(same, same + stretch)) same += stretch;
  while (same < most && a.charCodeAt(same) === b.charCodeAt(same)) same += 1;
  return same;
}

/** So many characters are the same at the end of both, the first `apart` left out. */
export function sameAtEnd(a: string, b: string, apart: number): number {
  const most = Math.min(a.length, b.length) - apart;
  const from = (text: string, same: number) => text.slice(text.length - same - stretch, text.length - same);
  let same = 0;
  while (same + stretch <= most && from(a, same) === from(b, same)) same += stretch;
  while (same < most && a.charCodeAt(a.length - 1 - same) === b.charCodeAt(b.length - 1 - same)) same += 1;
  return same;
}
