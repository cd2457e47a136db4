// Engines of this machine in a list.
import type { BackendRecord } from '@lamina/core';

/** `llama.cpp 0.7.0` for each engine that is here; `later`: what is said of one that is installed at its first use. */
export function enginesHere(engines: readonly BackendRecord[], later: string): readonly string[] {
  return engines.flatMap(({ name, availability }) => {
    if (!availability.available) return [];
    const { version = '', note } = availability;
    // The note names the command that installs it now.
    const isLater = note?.includes('backends install') === true;
    return [`${name} ${version}`.trim() + (isLater ? ` (${later})` : '')];
  });
}

/** `not installed: mlc, vllm`, if any is missing. */
export function enginesMissing(engines: readonly BackendRecord[]): readonly string[] {
  const names = engines.flatMap(({ name, availability }) => (availability.available ? [] : [name]));
  return names.length === 0 ? [] : [`not installed: ${names.join(', ')}`];
}
