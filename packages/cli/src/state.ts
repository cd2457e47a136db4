// The states of models and downloads, as words in the colours that people expect.
import type { Style } from '@lamina/config';

const colours: Readonly<Record<string, 'green' | 'yellow' | 'red' | 'dim'>> = {
  ready: 'green',
  yes: 'green',
  finished: 'green',
  available: 'green',
  queued: 'yellow',
  starting: 'yellow',
  waking: 'yellow',
  degraded: 'yellow',
  stopping: 'yellow',
  active: 'yellow',
  paused: 'yellow',
  failed: 'red',
  missing: 'red',
  cancelled: 'dim',
  sleeping: 'dim',
  stopped: 'dim',
};

/** The word in its colour. */
export function styleState(state: string, style: Style): string {
  const colour = colours[state];
  return colour === undefined ? state : style[colour](state);
}
