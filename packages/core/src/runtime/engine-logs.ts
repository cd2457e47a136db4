// Keeps the last lines that the engine of each model printed.
import type { EngineLogLine, EngineLogRange, EngineLogs, FollowedLogLine } from '../contract/logs.js';
import type { Models } from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';

/** Lines that are kept per model: a start of llama-server prints about 300. */
const keptLines = 1_000;

/** The lines of one model. */
class EngineLog {
  /** Oldest first; their numbers have no gaps. */
  readonly lines: EngineLogLine[] = [];
  hasEnded = false;
  private readonly waiting = new Set<() => void>();

  /** The number of the newest line. */
  get last(): number {
    return this.lines.at(-1)?.number ?? 0;
  }

  add(line: Omit<EngineLogLine, 'number'>): void {
    this.lines.push(Object.freeze({ number: this.last + 1, ...line }));
    if (this.lines.length > keptLines) this.lines.shift();
    this.wake();
  }

  /** No more lines: readers end. */
  end(): void {
    this.hasEnded = true;
    this.wake();
  }

  /** The position of the first kept line after that number. A number that is too high is one of an earlier Lamina. */
  indexAfter(number: number): number {
    if (number > this.last) return 0;
    return Math.max(0, this.lines.length - (this.last - number));
  }

  /** Resolves when there are more lines, or it has ended, or the signal is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}

/** The service; fed by events, so that an engine never waits for a reader. */
export class EngineLogService implements EngineLogs {
  private readonly logs = new Map<string, EngineLog>();

  constructor(
    private readonly models: Models,
    events: EventBus,
  ) {
    events.on('log.line', ({ model, at, stream, text }) => this.logOf(model)?.add({ at, stream, text }));
    events.on('model.state', ({ model, at, to }) => {
      if (to === 'starting') this.logOf(model)?.add({ at, stream: 'lamina', text: 'Starting the engine' });
    });
    events.on('model.removed', ({ model }) => this.drop(model));
  }

  lines(model: string, { after, limit = keptLines }: EngineLogRange = {}): readonly EngineLogLine[] {
    const log = this.logs.get(this.models.resolve(model).served.name);
    if (log === undefined) return [];
    const start = log.indexAfter(after ?? Math.max(0, log.last - limit));
    return log.lines.slice(start, start + limit);
  }

  follow(
    model: string,
    { after, limit = keptLines, signal }: EngineLogRange & { readonly signal: AbortSignal },
  ): AsyncIterable<FollowedLogLine> {
    const log = this.logOf(this.models.resolve(model).served.name)!;
    const oldest = log.last - log.lines.length;
    const start = after ?? Math.max(oldest, log.last - limit);
    return linesOf(log, start > log.last ? 0 : start, signal);
  }

  /** Ends every reader. */
  dispose(): void {
    for (const model of [...this.logs.keys()]) this.drop(model);
  }

  /** The log of a model; `undefined` for one that was removed while its engine still prints. */
  private logOf(model: string): EngineLog | undefined {
    const known = this.logs.get(model);
    if (known !== undefined || this.models.get(model) === undefined) return known;
    const log = new EngineLog();
    this.logs.set(model, log);
    return log;
  }

  private drop(model: string): void {
    this.logs.get(model)?.end();
    this.logs.delete(model);
  }
}

/** Reads a log from a number on, at the speed of the reader: all that is stored for it is the number. */
async function* linesOf(log: EngineLog, start: number, signal: AbortSignal): AsyncGenerator<FollowedLogLine, void> {
  let last = start;
  while (!signal.aborted) {
    const line = last < log.last ? log.lines[log.indexAfter(last)] : undefined;
    if (line === undefined) {
      if (log.hasEnded) return;
      await log.changed(signal);
      continue;
    }
    const dropped = line.number - last - 1;
    last = line.number;
    yield dropped === 0 ? line : { ...line, dropped };
  }
}
