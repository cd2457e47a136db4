// The disturbances that the run caused, with their times, and the errors that each one explains.

/** A kind of disturbance. */
export type Kind =
  | 'kill'
  | 'freeze'
  | 'pause'
  | 'stop'
  | 'edit'
  | 'options'
  | 'half a file'
  | 'invalid file'
  | 'restart'
  | 'server killed'
  | 'cancel'
  | 'memory';

interface Disturbance {
  readonly kind: Kind;
  /** Undefined: every model. */
  readonly model: string | undefined;
  readonly from: number;
  until: number;
}

/** The code for a connection lost without an error; set by clients of the run, never by a server. */
export const connectionLost = 'CONNECTION_LOST';

/** The longest back-off of Lamina is 60 s, so a killed engine explains a refusal that long after. */
const backOffMs = 65_000;
const usualMs = 15_000;
const shortMs = 5_000;

interface Cause {
  readonly kinds: readonly Kind[];
  readonly graceMs: number;
}

/** Error code → the disturbances that explain it, and how long after their end. */
const causes: Readonly<Record<string, Cause>> = {
  [connectionLost]: { kinds: ['kill', 'freeze', 'stop', 'restart'], graceMs: usualMs },
  MODEL_SERVER_EXITED: { kinds: ['kill', 'freeze', 'stop'], graceMs: usualMs },
  MODEL_SERVER_UNREACHABLE: { kinds: ['kill', 'freeze', 'stop'], graceMs: usualMs },
  MODEL_START_FAILED: { kinds: ['kill', 'freeze'], graceMs: backOffMs },
  START_BACKING_OFF: { kinds: ['kill', 'freeze'], graceMs: backOffMs },
  MODEL_STOPPED: { kinds: ['stop', 'half a file', 'invalid file', 'freeze'], graceMs: usualMs },
  MODEL_NOT_FOUND: { kinds: ['half a file'], graceMs: shortMs },
  MODEL_FILES_MISSING: { kinds: ['half a file', 'invalid file'], graceMs: shortMs },
  SHUTTING_DOWN: { kinds: ['restart'], graceMs: usualMs },
  OUT_OF_MEMORY: { kinds: ['memory'], graceMs: 0 },
  QUEUE_TIMEOUT: { kinds: ['freeze', 'kill'], graceMs: usualMs },
  TIMEOUT: { kinds: ['freeze'], graceMs: usualMs },
  CONFIG_INVALID: { kinds: ['invalid file', 'half a file'], graceMs: shortMs },
  CONFLICT: { kinds: ['invalid file', 'edit', 'cancel', 'restart'], graceMs: shortMs },
  DOWNLOAD_NOT_FOUND: { kinds: ['restart', 'cancel'], graceMs: usualMs },
  ABORTED: { kinds: ['cancel'], graceMs: shortMs },
};

/** Errors that the load alone explains. */
const always: ReadonlySet<string> = new Set(['QUEUE_FULL']);

/** The journal of disturbances. */
export class Disturbances {
  private readonly all: Disturbance[] = [];

  /** Records a disturbance; call the returned function at its end. */
  begin(kind: Kind, model?: string): () => void {
    const disturbance: Disturbance = { kind, model, from: Date.now(), until: Infinity };
    this.all.push(disturbance);
    return () => (disturbance.until = Math.min(disturbance.until, Date.now()));
  }

  /** Records a disturbance without a duration. */
  note(kind: Kind, model?: string): void {
    this.begin(kind, model)();
  }

  /** True when one of these kinds affected the model, or all models, after `since` or up to `graceMs` before it. */
  happened(kinds: readonly Kind[], since: number, model?: string, graceMs = 0): boolean {
    return this.all.some((one) => kinds.includes(one.kind) && touches(one, model) && one.until + graceMs >= since);
  }

  /** The disturbances of these kinds that lasted at some moment between two times, with how long they did so. */
  between(kinds: readonly Kind[], from: number, to: number): { model: string | undefined; ms: number }[] {
    return this.all
      .filter((one) => kinds.includes(one.kind) && one.from <= to && one.until >= from)
      .map((one) => ({ model: one.model, ms: Math.min(one.until, to) - Math.max(one.from, from) }));
  }

  /** Whether an error code is explained for a request for `model` sent at `since`. */
  explain(code: string, since: number, model?: string): boolean {
    if (always.has(code)) return true;
    const cause = Object.hasOwn(causes, code) ? causes[code]! : { kinds: ['freeze'] as const, graceMs: usualMs };
    return this.happened(cause.kinds, since, model, cause.graceMs);
  }

  /** The time of the last event that may delay a request for `model`; 0 if there was none. */
  lastTouching(model?: string): number {
    return this.all.reduce(
      (last, one) => (touches(one, model) && one.kind !== 'edit' ? Math.max(last, one.from) : last),
      0,
    );
  }
}

function touches({ model: disturbed }: Disturbance, model: string | undefined): boolean {
  return disturbed === undefined || model === undefined || disturbed === model;
}
