// Where a command runs.
import type { Writable } from 'node:stream';

/** What a command works with: the process it runs in, or what stands for it. */
export interface World {
  /** `LAMINA_API_KEY` is read here, and what plugins read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Writable;
  /** Bars are drawn here when it is a terminal. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  /** Ends the command in order; its reason is the name of a signal, such as `SIGINT`. */
  readonly signal: AbortSignal;
}
