// What an author says of an engine that is a child process; `processBackend` makes a backend type of it.
import type {
  Acceptance,
  Device,
  Endpoint,
  Machine,
  MemoryEstimate,
  RequestAdapter,
  ServerInfo,
} from '../contract/backends.js';
import type { Model } from '../contract/models.js';
import type { FromSchema, Schema } from '../contract/schema.js';
import type { Context } from '../contract/context.js';

/** Options that every process backend takes for an instance, besides its own. */
export const processOptions = {
  executable: { type: 'string', minLength: 1, description: 'The path of the engine, or a name to look for in PATH.' },
  default_args: {
    type: 'array',
    items: { type: 'string' },
    description: 'Arguments passed as they are, before all others.',
  },
  env: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Environment variables for the engine.',
  },
} as const;

/** The values of {@link processOptions}. */
export type ProcessOptions = FromSchema<{ readonly type: 'object'; readonly properties: typeof processOptions }>;

/** The options of a backend instance: those of every process backend, and the author's own. */
export type InstanceOptions = ProcessOptions & Readonly<Record<string, unknown>>;

/** The engine as it was found on this machine. */
export interface FoundEngine {
  /** Absolute path. */
  readonly executable: string;
  readonly version?: string;
  readonly devices?: readonly Device[];
  /** What the author's `probe` learnt, such as the flags this build has. */
  readonly facts?: unknown;
}

/** The finished run of a short command. */
export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What an author's `probe` may use. */
export interface ProbeTools {
  /** Runs the engine, or another program that belongs to it, to its end. */
  run(args: readonly string[], executable?: string): Promise<RunResult>;
  readonly context: Context;
}

/** What `command` is given to put a command line together. */
export interface Launch<Options, Instance = unknown> {
  readonly model: Model;
  readonly adapters: readonly Model[];
  /** What `modelOptions` describes: plugin defaults, backend instance and model merged. */
  readonly options: Options;
  /** What `options` describes: what the backend instance says. */
  readonly instance: Instance;
  /** The port on 127.0.0.1 the engine must listen on. */
  readonly port: number;
  /**
   * A secret made for this start. Give it to the engine by environment or file; by argv only when it takes it no other
   * way.
   */
  readonly key: string;
  readonly engine: FoundEngine;
}

/** A command line. The executable is added by Lamina, the instance's `default_args` are put before `args`. */
export interface Command {
  readonly args: readonly string[];
  /** Laid over the environment the engine gets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A server that was just started, for the questions an author may ask it. */
export interface StartedServer {
  readonly model: Model;
  readonly adapters: readonly Model[];
  readonly endpoint: Endpoint;
  readonly engine: FoundEngine;
  /** What the model was started with. */
  readonly options: Readonly<Record<string, unknown>>;
  /** GET or POST relative to the server's origin, with the engine's key; throws on anything but 2xx. */
  request(path: string, init?: { method?: string; body?: unknown; signal?: AbortSignal }): Promise<unknown>;
}

/** An engine plugin, described. Only `type`, `formats`, `executable` and `command` are needed. */
export interface ProcessBackendDescription<O extends Schema, M extends Schema> {
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly formats: readonly string[];
  /** What an instance may say besides {@link processOptions}: an object schema. */
  readonly options?: O;
  /** What a model may say: an object schema. An instance may say it too, as the default for its models. */
  readonly modelOptions?: M;
  /** Options from code, such as those of the plugin's factory. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** The name looked for in PATH when no option names one. */
  readonly executable: string;
  /**
   * Where to look instead, in this order, when no option names one: names and paths. The first that can be used is
   * taken.
   */
  candidates?(env: Readonly<Record<string, string | undefined>>): readonly string[];
  /** How to get the engine on this system, one sentence; shown when it is not found. */
  readonly install?: string;
  /**
   * How to ask for the version; default `--version` and the first thing in its output that looks like one. `false`: do
   * not ask.
   */
  readonly version?: { readonly args: readonly string[]; parse(output: RunResult): string | undefined } | false;
  /**
   * Learns more about the engine, once per executable: devices, flags; its version, when that is asked of something
   * else.
   * @throws LaminaError when it is another program
   */
  probe?(engine: FoundEngine, tools: ProbeTools): Promise<Pick<FoundEngine, 'version' | 'devices' | 'facts'>>;
  /** Names of backends that this instance replaces while they are not available; see `Backend.fallbackFor`. */
  fallbackFor?(instance: InstanceOptions): readonly string[];
  /** Whether it opens this model; the format is already right. Default: rank 0. */
  accepts?(model: Model): Acceptance;
  /**
   * Host and device memory the model will need; `about` is what the instance says, and the engine once it was found.
   */
  estimateMemory?(
    model: Model,
    options: FromSchema<M>,
    machine: Machine,
    about: { instance: InstanceOptions; engine?: FoundEngine },
  ): Promise<MemoryEstimate | undefined>;
  /** The command line. @throws LaminaError `CONFIG_INVALID` when the options do not fit this engine */
  command(launch: Launch<FromSchema<M>, FromSchema<O>>): Command | Promise<Command>;
  /**
   * Variables that are taken out of the environment the engine inherits, as exact names or prefixes that end in `*`.
   */
  readonly scrubEnv?: readonly string[];
  /** The path that answers 200 once the model is loaded; default `/v1/models`. */
  readonly ready?: string;
  /** A line it prints before which `ready` is not asked, for engines that answer too early. */
  readonly readyLine?: RegExp;
  /**
   * A path that wants the key, which proves that the server is ours; default `/v1/models`. `false`: the engine takes no
   * key.
   */
  readonly identity?: string | false;
  /** Below which path the OpenAI routes are; default `/v1`. */
  readonly basePath?: string;
  /**
   * Turns what the engine printed before it gave up into a sentence a person can act on; `undefined`: the last line is
   * shown.
   */
  explain?(
    output: readonly string[],
    about: { model: Model; exit: { code: number | null; signal: string | null } },
  ): string | undefined;
  /** What a line the engine prints says about the progress of the start. */
  progress?(line: string): { stage: string; ratio?: number } | undefined;
  /** Asks the ready server what it can do. */
  inspect?(server: StartedServer, context: Context): Promise<ServerInfo>;
  /**
   * Health of a ready server; default: `ready` answers 2xx within 5 s, else the check fails. What a failed check leads
   * to: see `ModelServer.check`.
   */
  check?(server: StartedServer, signal: AbortSignal): Promise<'ok' | 'degraded' | 'dead'>;
  /** Whether a server that was started with these options can sleep; default: when there is a `sleep`. */
  canSleep?(options: FromSchema<M>): boolean;
  sleep?(server: StartedServer, signal: AbortSignal): Promise<void>;
  wake?(server: StartedServer, signal: AbortSignal): Promise<void>;
  readonly adapt?: RequestAdapter;
}

/** A description whose options are not known by type. */
export type ProcessDescription = ProcessBackendDescription<Schema, Schema>;
