// The colours of states: of models, files, engines and downloads.
import type { Style } from '@lamina/config';

const colours: Readonly<Record<string, 'green' | 'yellow' | 'red'>> = {
  ...{ ready: 'green', yes: 'green', available: 'green', finished: 'green' },
  ...{ queued: 'yellow', starting: 'yellow', waking: 'yellow', degraded: 'yellow', stopping: 'yellow' },
  ...{ active: 'yellow', missing: 'yellow' },
  ...{ failed: 'red' },
};

/** The state in its colour. The others, such as `stopped` and `paused`, have none. */
export function colourState(state: string, style: Style): string {
  const colour = colours[state];
  return colour === undefined ? state : style[colour](state);
}
