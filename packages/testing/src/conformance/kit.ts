// What a backend's author gives the conformance kit, and the defaults for what is left out.
import type { BackendType, JsonObject, Model, ModelServer } from '@lamina/core/plugin';

/** How long the steps of a case may take, in milliseconds. */
export interface KitLimits {
  /** A start; default 60,000. */
  readonly startMs: number;
  /** An answer, or the next piece of one; default 30,000. */
  readonly answerMs: number;
  /** For the engine to notice that a client left; default 10,000. */
  readonly leaveMs: number;
  /** A stop that lets the engine end by itself; after that it is told to kill. Default 20,000. */
  readonly stopMs: number;
  /** A stop that kills; default 3,000. */
  readonly killMs: number;
}

/**
 * A backend to test, and what it is tested with. A case whose subject is missing here fails, unless `skip` says why it
 * does not apply.
 */
export interface BackendKit {
  readonly type: BackendType;
  /** What models.yaml would say of the instance. */
  readonly options?: Readonly<Record<string, unknown>>;
  /**
   * What models.yaml would say of an instance whose engine is not on this machine; default: an `executable` that does
   * not exist.
   */
  readonly missing?: Readonly<Record<string, unknown>>;
  /** The environment the backend sees; default empty. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A model that opens, its files on disk; made once. */
  model(): Model | Promise<Model>;
  /** A model of the right format that does not open, such as a damaged file. */
  brokenModel?(): Model | Promise<Model>;
  /** What every chat answer of a model contains. */
  says?(model: Model): string;
  /** A chat, without `model`, that has a short answer; default a greeting. */
  readonly chat?: JsonObject;
  /** A chat whose answer is still under way after seconds; default it is asked to count. */
  readonly longChat?: JsonObject;
  /**
   * How many requests the engine computes now. Without it, a client that leaves is only seen to free the engine when
   * the next one is served.
   */
  busy?(server: ModelServer): Promise<number>;
  /** Options, and a look at the server that proves they reached the engine. */
  readonly reach?: {
    readonly options: Readonly<Record<string, unknown>>;
    verify(server: ModelServer): void | Promise<void>;
  };
  /** The option that sets the context length. */
  readonly contextOption?: string;
  /** Options under which the engine embeds. */
  readonly embedding?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<KitLimits>;
  /** Case → why it does not apply. */
  readonly skip?: Readonly<Record<string, string>>;
}

const defaultLimits: KitLimits = { startMs: 60_000, answerMs: 30_000, leaveMs: 10_000, stopMs: 20_000, killMs: 3_000 };

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

/**
 * What core hands to a start: what the instance says that a model may say too, then what the model says, then `more`.
 */
export function modelOptions(
  kit: BackendKit,
  model: Model,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const known = Object.keys((kit.type.modelOptions.properties as object | undefined) ?? {});
  const shared = Object.entries(instanceOptions(kit)).filter(([name]) => known.includes(name));
  return { ...Object.fromEntries(shared), ...model.options, ...more };
}
