// Reads the progress of a start from the output of the engine.

/** The stage a line announces; the engine prints `progress: loading weights 0.35`. */
export function progressOf(line: string): { stage: string; ratio?: number } | undefined {
  const [, stage, ratio] = /^progress: (.+?)(?: (\d\.\d+))?$/.exec(line) ?? [];
  if (stage === undefined) return undefined;
  return ratio === undefined ? { stage } : { stage, ratio: Number(ratio) };
}
