// The description of a backend for its conformance tests, with defaults.
import type { BackendType, JsonObject, Model, ModelServer } from '@lamina/core/plugin';

/** Time limits for the steps of a case, in milliseconds. */
export interface KitLimits {
  /** A start. Default 50,000, so that a test runner with a timeout of 60 s shows why the engine did not start. */
  readonly startMs: number;
  /** A response, or the next chunk of a stream. Default 30,000. */
  readonly answerMs: number;
  /** For the engine to notice that a client disconnected. Default 10,000. */
  readonly leaveMs: number;
  /** A graceful stop; after that the signal is aborted. Default 20,000. */
  readonly stopMs: number;
  /** A stop that kills the engine. Default 3,000. */
  readonly killMs: number;
}

/**
 * A backend and what to test it with. A case that needs a missing member fails, unless `skip` says why it does not
 * apply.
 */
export interface BackendKit {
  readonly type: BackendType;
  /** Options of the instance, as in models.yaml. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Options of an instance whose engine is not installed. Default: an `executable` that does not exist. */
  readonly missing?: Readonly<Record<string, unknown>>;
  /** Environment variables for the backend. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A valid model with its files on disk; called once. */
  model(): Model | Promise<Model>;
  /** A model of the right format that cannot be loaded, such as a corrupt file. */
  brokenModel?(): Model | Promise<Model>;
  /** Text that every chat response of a model contains. */
  says?(model: Model): string;
  /** A chat request, without `model`, with a short response. Default: a greeting. */
  readonly chat?: JsonObject;
  /** A chat request whose response takes many seconds. Default: asks the model to count. */
  readonly longChat?: JsonObject;
  /**
   * The number of requests the engine is processing. Without it, the kit can only see that a disconnected client frees
   * the engine by the next request being served.
   */
  busy?(server: ModelServer): Promise<number>;
  /** Options, and a check on the server that they reached the engine. */
  readonly reach?: {
    readonly options: Readonly<Record<string, unknown>>;
    verify(server: ModelServer): void | Promise<void>;
  };
  /** Name of the option that sets the context length. */
  readonly contextOption?: string;
  /** Options with which the engine serves embeddings. */
  readonly embedding?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<KitLimits>;
  /** Name of a case → why it does not apply. */
  readonly skip?: Readonly<Record<string, string>>;
}

const defaultLimits: KitLimits = { startMs: 50_000, answerMs: 30_000, leaveMs: 10_000, stopMs: 20_000, killMs: 3_000 };

export function limitsOf(kit: BackendKit): KitLimits {
  return { ...defaultLimits, ...kit.limits };
}

export function chatOf(kit: BackendKit): JsonObject {
  return kit.chat ?? { messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 32 };
}

export function longChatOf(kit: BackendKit): JsonObject {
  return (
    kit.longChat ?? {
      messages: [{ role: 'user', content: '/count Count from one to a million, one by one, and do not stop.' }],
    }
  );
}

/** The options of the instance: the type's defaults overlaid with the kit's. */
export function instanceOptions(kit: BackendKit, options = kit.options): Readonly<Record<string, unknown>> {
  return { ...kit.type.defaults, ...options };
}

/** The options that core passes to a start: those of the instance that models may have, of the model, and `more`. */
export function modelOptions(
  kit: BackendKit,
  model: Model,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const known = Object.keys((kit.type.modelOptions.properties as object | undefined) ?? {});
  const shared = Object.entries(instanceOptions(kit)).filter(([name]) => known.includes(name));
  return { ...Object.fromEntries(shared), ...model.options, ...more };
}
