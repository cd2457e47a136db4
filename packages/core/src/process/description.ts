// The description of an engine that runs as a child process; `processBackend` makes a backend type from it.
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

/** Options of every instance of a process backend, besides the backend's own. */
export const processOptions = {
  executable: {
    type: 'string',
    minLength: 1,
    format: 'path',
    description: 'The path of the engine, or a name to find in PATH.',
  },
  default_args: {
    type: 'array',
    items: { type: 'string' },
    description: 'Arguments that are passed unchanged, before all others.',
  },
  env: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Environment variables for the engine.',
  },
} as const;

/** The values of {@link processOptions}. */
export type ProcessOptions = FromSchema<{ readonly type: 'object'; readonly properties: typeof processOptions }>;

/** The options of a backend instance: those of every process backend and the backend's own. */
export type InstanceOptions = ProcessOptions & Readonly<Record<string, unknown>>;

/** An engine that was found on this machine. */
export interface FoundEngine {
  /** Absolute path. */
  readonly executable: string;
  readonly version?: string;
  readonly devices?: readonly Device[];
  /** What the description's `probe` returned, such as the flags of this build. */
  readonly facts?: unknown;
}

/** The result of a short command. */
export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the description's `probe` can use. */
export interface ProbeTools {
  /** Runs the engine, or another program that belongs to it, to its end. */
  run(args: readonly string[], executable?: string): Promise<RunResult>;
  readonly context: Context;
}

/** The argument of `command`. */
export interface Launch<Options, Instance = unknown> {
  readonly model: Model;
  readonly adapters: readonly Model[];
  /** The options of `modelOptions`: plugin defaults, backend instance and model merged. */
  readonly options: Options;
  /** The options of `options`: those of the backend instance. */
  readonly instance: Instance;
  /** The port on 127.0.0.1 the engine must listen on. */
  readonly port: number;
  /**
   * A secret made for this start. Pass it to the engine by environment or file; by command line only if there is no
   * other way.
   */
  readonly key: string;
  readonly engine: FoundEngine;
}

/** A command line. Lamina adds the executable, and the instance's `default_args` before `args`. */
export interface Command {
  readonly args: readonly string[];
  /** Overrides variables of the environment the engine gets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A started server, for the functions of a description. */
export interface StartedServer {
  readonly model: Model;
  readonly adapters: readonly Model[];
  readonly endpoint: Endpoint;
  readonly engine: FoundEngine;
  /** The options the model was started with. */
  readonly options: Readonly<Record<string, unknown>>;
  /** GET or POST relative to the server's origin, with the engine's key; throws on anything but 2xx. */
  request(path: string, init?: { method?: string; body?: unknown; signal?: AbortSignal }): Promise<unknown>;
}

/** The description of an engine. Only `type`, `formats`, `executable` and `command` are required. */
export interface ProcessBackendDescription<O extends Schema, M extends Schema> {
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly formats: readonly string[];
  /** See `BackendType.endpoints`. */
  readonly endpoints?: readonly string[];
  /** The options of an instance besides {@link processOptions}: an object schema. */
  readonly options?: O;
  /** The options of a model: an object schema. An instance accepts them too, as defaults for its models. */
  readonly modelOptions?: M;
  /** Default options from code, such as those of the plugin's factory. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** The name to find in PATH when no option names an executable. */
  readonly executable: string;
  /**
   * Names and paths to try instead, in this order, when no option names an executable. The first usable one is used.
   */
  candidates?(env: Readonly<Record<string, string | undefined>>): readonly string[];
  /** One sentence on how to install the engine on this system; shown when it is not found. */
  readonly install?: string;
  /**
   * How to get the version; default: `--version`, and the first part of its output that looks like a version. `false`:
   * not at all.
   */
  readonly version?: { readonly args: readonly string[]; parse(output: RunResult): string | undefined } | false;
  /**
   * Reads more about the engine, once per executable: devices, flags, or its version when that comes from elsewhere.
   * @throws LaminaError when it is another program
   */
  probe?(engine: FoundEngine, tools: ProbeTools): Promise<Pick<FoundEngine, 'version' | 'devices' | 'facts'>>;
  /** Names of backends that this instance replaces while they are not available; see `Backend.fallbackFor`. */
  fallbackFor?(instance: InstanceOptions): readonly string[];
  /** Whether it accepts this model, whose format has been checked. Default: rank 0. */
  accepts?(model: Model): Acceptance;
  /**
   * The host and device memory the model will need; `about` has the options of the instance, and the engine once it was
   * found.
   */
  estimateMemory?(
    model: Model,
    options: FromSchema<M>,
    machine: Machine,
    about: { instance: InstanceOptions; engine?: FoundEngine },
  ): Promise<MemoryEstimate | undefined>;
  /**
   * How to learn what the model needs from the engine itself, before it loads: the command line of a start, with `args`
   * after all others. `read` gets all lines so far whenever one was printed; once it returns something, the engine is
   * ended, at the latest after 5 s.
   */
  readonly dryRun?: {
    readonly args: readonly string[];
    read(
      lines: readonly string[],
      about: {
        readonly model: Model;
        readonly options: FromSchema<M>;
        readonly machine: Machine;
        readonly instance: InstanceOptions;
        readonly engine: FoundEngine;
      },
    ): MemoryEstimate | undefined;
  };
  /** The command line. @throws LaminaError `CONFIG_INVALID` when the options do not fit this engine */
  command(launch: Launch<FromSchema<M>, FromSchema<O>>): Command | Promise<Command>;
  /**
   * Environment variables that the engine must not inherit, as exact names or prefixes that end in `*`.
   */
  readonly scrubEnv?: readonly string[];
  /** The path that responds with 200 once the model is loaded; default `/v1/models`. */
  readonly ready?: string;
  /** `ready` is not requested before a line of output matches; for engines that respond too early. */
  readonly readyLine?: RegExp;
  /**
   * A path that requires the key, which proves that the server is ours; default `/v1/models`. `false`: the engine takes
   * no key.
   */
  readonly identity?: string | false;
  /** The path prefix of the OpenAI routes; default `/v1`. */
  readonly basePath?: string;
  /**
   * Explains in a sentence a person can act on why the engine ended, from what it printed; `undefined`: the last line
   * is shown.
   */
  explain?(
    output: readonly string[],
    about: { model: Model; exit: { code: number | null; signal: string | null; outOfMemory?: boolean } },
  ): string | undefined;
  /** The progress that a line of the engine's output reports. */
  progress?(line: string): { stage: string; ratio?: number } | undefined;
  /** Asks the ready server for its capabilities. */
  inspect?(server: StartedServer, context: Context): Promise<ServerInfo>;
  /**
   * The health of a ready server; default: `ready` responds with 2xx within 5 s, else the check fails. For the effect of
   * a failed check see `ModelServer.check`.
   */
  check?(server: StartedServer, signal: AbortSignal): Promise<'ok' | 'degraded' | 'dead'>;
  /** Whether a server that was started with these options can sleep; default: when there is a `sleep`. */
  canSleep?(options: FromSchema<M>): boolean;
  sleep?(server: StartedServer, signal: AbortSignal): Promise<void>;
  wake?(server: StartedServer, signal: AbortSignal): Promise<void>;
  readonly adapt?: RequestAdapter;
}

/** A description without the types of its options. */
export type ProcessDescription = ProcessBackendDescription<Schema, Schema>;
