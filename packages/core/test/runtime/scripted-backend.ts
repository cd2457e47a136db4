// A backend without processes, whose servers start, fail, crash and stop when the test says so: for the
// decisions of the runtime alone.
import type {
  Backend,
  BackendType,
  Health,
  Machine,
  MemoryEstimate,
  ModelServer,
  ServerExit,
  ServerInfo,
  StartContext,
  StopReason,
} from '@lamina/core/plugin';
import { definePlugin } from '@lamina/core/plugin';
import type { Plugin } from '@lamina/core';

/** One start the runtime requested. */
export interface ScriptedStart {
  readonly model: string;
  readonly context: StartContext;
  /** True once it succeeded, failed or was aborted. */
  readonly over: boolean;
  succeed(info?: ServerInfo): ScriptedServer;
  fail(reason: string): void;
}

/** The result of a health check. */
export type ScriptedHealth = Health | 'fails' | 'hangs';

/** One server that runs. */
export interface ScriptedServer {
  readonly model: string;
  readonly stops: StopReason[];
  crash(): void;
  /** `fails`: the check is rejected; `hangs`: it never ends. */
  health: ScriptedHealth;
  asleep: boolean;
  /** The start that it came from. */
  readonly start: ScriptedStart;
  readonly running: boolean;
  /** True when it was told to stop and waits for `finishStop`. */
  readonly stopping: boolean;
  finishStop(): void;
}

/** Controls the scripted backend. */
export class Script {
  readonly starts: ScriptedStart[] = [];
  readonly servers: ScriptedServer[] = [];
  /** True: starts succeed without a call of the test. */
  automatic = true;
  /** True: stops succeed without a call of the test. */
  automaticStops = true;
  /** What each model needs; missing: nothing is known of it. */
  estimates: Record<string, MemoryEstimate> = {};
  /** What each estimate was told of the machine. */
  readonly machines: Machine[] = [];
  canSleep = false;
  /** The operations of a server that never finish. */
  hangs: 'stop' | 'sleep' | 'wake' | undefined;
  info: ServerInfo = {};
  /** The routes that its type declares. */
  endpoints: readonly string[] = [];
  lifetime: 'owned' | 'external' = 'owned';
  /** How often the runtime asked whether its engine is here. */
  probes = 0;
  availability: Awaited<ReturnType<Backend['probe']>> = { available: true, version: '1' };
  private readonly waiting: (() => void)[] = [];

  /** The start of that number, counted from 0, once the runtime has requested it. */
  async start(index: number): Promise<ScriptedStart> {
    while (this.starts.length <= index) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.starts[index]!;
  }

  /** Models whose server runs, oldest first. */
  get running(): string[] {
    return this.servers.filter((server) => server.running).map((server) => server.model);
  }

  plugin(): Plugin {
    return definePlugin({ name: 'scripted', setup: (lamina) => lamina.addBackend(this.type()) })();
  }

  private type(): BackendType {
    return {
      type: 'scripted',
      formats: ['scripted'],
      options: { type: 'object', properties: { level: { type: 'integer' } }, additionalProperties: false },
      modelOptions: { type: 'object', properties: { level: { type: 'integer' } }, additionalProperties: false },
      lifetime: this.lifetime,
      endpoints: this.endpoints,
      create: (name) => ({
        name,
        probe: () => {
          this.probes += 1;
          return Promise.resolve(this.availability);
        },
        accepts: () => ({ rank: 0, reason: 'scripted' }),
        estimateMemory: ({ name: model }, _options, machine) => {
          this.machines.push(machine);
          return Promise.resolve(this.estimates[model]);
        },
        start: (model, context) => this.begin(model.name, context),
      }),
    };
  }

  private begin(model: string, context: StartContext): Promise<ModelServer> {
    return new Promise((resolve, reject) => {
      let over = false;
      const aborted = () => {
        over = true;
        reject(context.signal.reason as Error);
      };
      context.signal.addEventListener('abort', aborted, { once: true });
      const settle = <T>(run: () => T): T => {
        if (over) throw new Error(`the start of ${model} is over`);
        over = true;
        context.signal.removeEventListener('abort', aborted);
        return run();
      };
      const start: ScriptedStart = {
        model,
        context,
        get over() {
          return over;
        },
        succeed: (info = this.info) =>
          settle(() => {
            const { server, scripted } = this.serve(start, info);
            resolve(server);
            return scripted;
          }),
        fail: (reason) => settle(() => reject(new Error(reason))),
      };
      this.starts.push(start);
      for (const resume of this.waiting.splice(0)) resume();
      if (this.automatic) start.succeed();
    });
  }

  private serve(start: ScriptedStart, info: ServerInfo): { server: ModelServer; scripted: ScriptedServer } {
    const { model } = start;
    let end: (exit: ServerExit) => void = () => undefined;
    const closed = new Promise<ServerExit>((resolve) => (end = resolve));
    let running = true;
    const finish = (expected: boolean, reason: string) => {
      running = false;
      end({ code: 0, signal: null, expected, reason, lastLines: [] });
    };
    let finishStop: (() => void) | undefined;
    const scripted = {
      model,
      stops: [] as StopReason[],
      health: 'ok' as ScriptedHealth,
      asleep: false,
      start,
      crash: () => finish(false, 'it crashed'),
      get running() {
        return running;
      },
      get stopping() {
        return running && finishStop !== undefined;
      },
      finishStop: () => finishStop?.(),
    };
    this.servers.push(scripted);
    const change = (what: 'sleep' | 'wake', asleep: boolean): Promise<void> => {
      if (this.hangs === what) return new Promise(() => undefined);
      scripted.asleep = asleep;
      return Promise.resolve();
    };
    const server: ModelServer = {
      endpoint: () => ({ baseUrl: `http://127.0.0.1:9/${model}/v1` }),
      info,
      closed,
      stop: ({ reason, signal }) => {
        scripted.stops.push(reason);
        if (this.hangs === 'stop') return new Promise(() => undefined);
        return new Promise((resolve) => {
          finishStop = () => {
            finish(true, 'it was stopped');
            resolve();
          };
          signal.addEventListener('abort', finishStop, { once: true });
          if (this.automaticStops || signal.aborted) finishStop();
        });
      },
      check: () => {
        if (scripted.health === 'hangs') return new Promise(() => undefined);
        return scripted.health === 'fails' ? Promise.reject(new Error('no answer')) : Promise.resolve(scripted.health);
      },
      ...(this.canSleep ? { sleep: () => change('sleep', true), wake: () => change('wake', false) } : {}),
    };
    return { server, scripted };
  }
}
