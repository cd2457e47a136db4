// The environment of one conformance case: a new backend, a start context that records calls, and cleanup.
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { reasonOf } from '@lamina/core';
import {
  LaminaError,
  type Backend,
  type Context,
  type Endpoint,
  type JsonObject,
  type Logger,
  type Model,
  type ModelServer,
  type StartContext,
} from '@lamina/core/plugin';
import { EndpointClient, type Reply } from './endpoint-client.js';
import { chatOf, instanceOptions, limitsOf, modelOptions, type BackendKit, type KitLimits } from './kit.js';
import { killAtExit } from './interrupt.js';
import { ProcessWatch } from './processes.js';

/** Replaces or adds to the model and options of the kit. */
export interface StartOverrides {
  readonly model?: Model;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Called as soon as the backend reports progress or starts a process. */
  readonly onFirstActivity?: () => void;
}

/** The environment of one case. */
export class Stage {
  readonly backend: Backend;
  readonly limits: KitLimits;
  readonly client = new EndpointClient();
  readonly processes = new ProcessWatch();
  /** Output of the engine and log lines of the backend. */
  readonly printed: string[] = [];
  readonly progress: { readonly stage: string; readonly ratio?: number }[] = [];
  /** Process groups passed to the guard, and those released. */
  readonly guarded: number[] = [];
  readonly released: number[] = [];
  /** Whether a start of a model that must start has succeeded. */
  hasStarted = false;
  /** Whether a case has stopped its server. */
  hasStopped = false;
  readonly #end = new AbortController();
  readonly #listening = listening();
  readonly #servers = new Set<ModelServer>();
  readonly #endpoints = new WeakMap<ModelServer, Endpoint>();
  readonly #forget = killAtExit(this.processes);
  #starting: Promise<unknown>[] = [];
  #running: ModelServer | undefined;

  /** With `keepsServer`, all starts without overrides return the same server, even when it has been stopped. */
  constructor(
    readonly kit: BackendKit,
    private readonly keepsServer = false,
  ) {
    this.limits = limitsOf(kit);
    this.backend = kit.type.create('conformance', instanceOptions(kit));
  }

  /** The context for calls that need nothing else. */
  context(signal: AbortSignal = this.#end.signal): Context & { env: NonNullable<BackendKit['env']> } {
    return { signal, log: this.#log(), env: this.kit.env ?? {} };
  }

  /** Starts a model that must start. @throws Error with the engine's reason and its last lines */
  async start(overrides: StartOverrides = {}): Promise<ModelServer> {
    const isPlain = Object.keys(overrides).length === 0;
    if (this.#running !== undefined && isPlain) return this.#running;
    let server: ModelServer;
    try {
      server = await this.tryStart(overrides);
    } catch (error) {
      const lines = LaminaError.is(error) ? ((error.details['last_lines'] as string[] | undefined) ?? []) : [];
      const output = lines.length === 0 ? '' : `\nThe last lines of the engine:\n${lines.join('\n')}`;
      const message = `The engine did not start. ${reasonOf(error)}${output}`;
      throw isPlain ? new StartError(message, { cause: error }) : new Error(message, { cause: error });
    }
    this.hasStarted = true;
    this.#endpoints.set(server, server.endpoint());
    if (this.keepsServer && isPlain) this.#running = server;
    return server;
  }

  /** Starts a model, within the limit. @throws what the backend throws */
  async tryStart(overrides: StartOverrides = {}): Promise<ModelServer> {
    const model = overrides.model ?? (await this.kit.model());
    const { startMs, killMs } = this.limits;
    const limit = new AbortController();
    const started = this.backend.start(model, this.#startContext(model, overrides, limit.signal));
    this.#starting.push(started.then((server) => this.#servers.add(server)).catch(() => undefined));
    const reason = `it was not ready within the ${startMs} ms of limits.startMs`;
    const timer = setTimeout(() => {
      limit.abort(new LaminaError('MODEL_START_FAILED', { model: model.name, reason, last_lines: [] }));
    }, startMs);
    const server = await within(startMs + killMs, started, 'start(), whose signal was aborted,').finally(() =>
      clearTimeout(timer),
    );
    limit.signal.throwIfAborted();
    this.processes.living();
    return server;
  }

  /** Stops a server within a limit. */
  async stop(server: ModelServer, options: { signal?: AbortSignal; limitMs?: number } = {}): Promise<void> {
    this.hasStopped = true;
    this.processes.living();
    const signal = options.signal ?? AbortSignal.timeout(this.limits.stopMs);
    const limit = options.limitMs ?? this.limits.stopMs + this.limits.killMs;
    await within(limit, server.stop({ reason: 'requested', signal }), 'stop()');
  }

  /** Where a server responded after its start; a stopped one has no endpoint any more. */
  endpointOf(server: ModelServer): Endpoint {
    return present(this.#endpoints.get(server), 'The endpoint');
  }

  /** Sends a chat as Lamina does and reads the complete response. */
  async chat(server: ModelServer, model: Model, body: JsonObject = chatOf(this.kit)): Promise<Reply> {
    const signal = AbortSignal.timeout(this.limits.answerMs);
    return this.client.post(
      server.endpoint(),
      'chat/completions',
      this.adapted(server, model, 'chat/completions', body),
      signal,
    );
  }

  /** Sends a streamed chat; yields the data of each event. */
  stream(
    server: ModelServer,
    model: Model,
    body: JsonObject,
    signal: AbortSignal = AbortSignal.timeout(this.limits.answerMs),
  ): AsyncGenerator<string> {
    const adapted = this.adapted(server, model, 'chat/completions', { ...body, stream: true });
    return this.client.stream(server.endpoint(), 'chat/completions', adapted, signal);
  }

  /** A request body as Lamina sends it: with the engine's ID of the model, changed by the backend's adapter. */
  adapted(server: ModelServer, model: Model, route: string, body: JsonObject): JsonObject {
    const named = { ...body, model: server.info.ids?.[model.name] ?? model.name };
    return this.backend.adapt?.request?.(named, { model, route, info: server.info }) ?? named;
  }

  /** Fails if a process of the case is still running, or this process listens on a new port. */
  async assertNothingLeft(when: string): Promise<void> {
    // A closed server is listed until the event loop has completed its turn.
    await setImmediate();
    await setImmediate();
    const left = this.processes.living().map(({ pid, command }) => `${pid} (${command.slice(0, 120)})`);
    assert.deepEqual(left, [], `${when}, processes are left: ${left.join(', ')}`);
    assert.ok(listening() <= this.#listening, `${when}, a server of this process still listens.`);
  }

  /** Fails if an endpoint still accepts connections. */
  async assertNothingListens(endpoint: Endpoint): Promise<void> {
    const request = this.client.post(endpoint, 'chat/completions', {}, AbortSignal.timeout(this.limits.answerMs));
    await assert.rejects(
      request,
      { code: 'ECONNREFUSED' },
      `A process still listens at ${endpoint.baseUrl} after the stop.`,
    );
  }

  /** Stops everything that the case left running. */
  async close(): Promise<void> {
    this.#end.abort();
    await within(this.limits.killMs, Promise.all(this.#starting), 'An aborted start()').catch(() => undefined);
    const stops = [...this.#servers].map((server) =>
      server.stop({ reason: 'shutdown', signal: this.#end.signal }).catch(() => undefined),
    );
    await within(this.limits.killMs, Promise.all(stops), 'stop()').catch(() => undefined);
    this.processes.kill();
    this.#forget();
    await this.client.close();
  }

  #startContext(model: Model, { options, signal, onFirstActivity }: StartOverrides, limit: AbortSignal): StartContext {
    return {
      ...this.context(AbortSignal.any([limit, this.#end.signal, ...(signal === undefined ? [] : [signal])])),
      options: modelOptions(this.kit, model, options),
      adapters: [],
      progress: (update) => {
        this.progress.push(update);
        onFirstActivity?.();
      },
      output: (_stream, text) => void this.printed.push(text),
      guard: (pid) => {
        this.guarded.push(pid);
        this.processes.groups.add(pid);
        onFirstActivity?.();
        return () => void this.released.push(pid);
      },
    };
  }

  #log(): Logger {
    const write = (data: object, message: string) => void this.printed.push(`${message} ${JSON.stringify(data)}`);
    return { debug: write, info: write, warn: write, error: write, child: () => this.#log() };
  }
}

/** The model of the kit did not start with the options of the kit. */
export class StartError extends Error {}

/** The number of TCP servers of this process. */
function listening(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
}

/** The result of the promise, or an error when it takes longer than the limit. */
export async function within<T>(limitMs: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${limitMs} ms.`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An optional member that a case needs. Without it, the case fails: the kit must skip the case with a reason. */
export function present<T>(value: T | undefined, what: string): T {
  assert.ok(value !== undefined, `${what} is missing. If this is intended, skip this case with a reason.`);
  return value;
}

/** The secret of an endpoint: the last word of its first header. */
export function keyOf({ headers = {} }: Endpoint): string {
  const [value] = Object.values(headers);
  return present(value?.split(' ').at(-1), 'A header with a key');
}
