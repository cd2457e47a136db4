// The models of a server.
import { call, callForParts, type CallOptions } from './call.js';
import type { Connection } from './connection.js';
import type { EngineLogLine, EngineLogView, ModelDetail, ModelsView, ModelView, PsView } from './wire.js';

/** Which models {@link Models.list} returns; default all. */
export interface ModelFilter {
  readonly state?: ModelView['state'];
  readonly format?: string;
  /** A part of the name or the description. */
  readonly q?: string;
}

/** Which lines {@link Models.logs} returns. */
export interface LogRange {
  /** The number of the last line that is known: only later ones. */
  readonly after?: number;
  /** At most so many of the kept lines, the newest; default all, up to 1,000. */
  readonly limit?: number;
}

/** Where {@link LaminaClient.search} searches, and how much it returns. */
export interface SearchRange {
  /** This source only; default: all that the server can search. */
  readonly source?: string;
  /** The maximum number of results of each source, 1 to 100; default 20. */
  readonly limit?: number;
}

/** What a model is needed for; other members are ignored. */
export interface SuggestRequest {
  /** A model by name or alias; suggested if it can run there. */
  readonly ai_model?: string | null;
  readonly use_case?: string | null;
  readonly category?: string | null;
  /** Bytes, or text such as "4GB". */
  readonly max_size?: number | string | null;
}

/** The models of a server. */
export class Models {
  /** @internal */
  constructor(private readonly connection: Connection) {}

  /**
   * The models by name.
   * @example
   * ```ts
   * const { models } = await client.models.list({ state: 'ready' });
   * console.log(Object.keys(models));
   * ```
   */
  list(filter: ModelFilter = {}, options: CallOptions = {}): Promise<ModelsView> {
    return call(this.connection, { type: 'model.list', ...filter }, options);
  }

  /** A model with metadata of its files. @throws LaminaClientError `MODEL_NOT_FOUND` */
  get(model: string, options: CallOptions = {}): Promise<ModelDetail> {
    return call(this.connection, { type: 'model.get', model }, options);
  }

  /**
   * The models that run, start, sleep, wait or failed, and the memory they share.
   * @example
   * ```ts
   * const { models, resources } = await client.models.ps();
   * console.log(Object.keys(models), resources['host']?.free);
   * ```
   */
  ps(options: CallOptions = {}): Promise<PsView> {
    return call(this.connection, { type: 'model.ps' }, options);
  }

  /**
   * The last lines that the engine of a model printed, oldest first. Needs a key with the scope `manage`.
   * @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN`
   * @example
   * ```ts
   * for (const { text } of await client.models.logs('tiny', { limit: 20 })) console.log(text);
   * ```
   */
  async logs(model: string, { after, limit, signal }: LogRange & CallOptions = {}): Promise<readonly EngineLogLine[]> {
    const frame = { type: 'model.logs', model, after, limit };
    return (await call<EngineLogView>(this.connection, frame, { signal })).lines;
  }

  /**
   * As `logs`, and then each new line. It begins when it is read; leaving the loop ends it. After a lost connection it
   * throws `CONNECTION_LOST`: go on with `after`, the number of the last line.
   * @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN`, `CONNECTION_LOST`
   * @example
   * ```ts
   * for await (const { text } of client.models.followLogs('tiny', { limit: 0, signal })) console.log(text);
   * ```
   */
  followLogs(
    model: string,
    { after, limit, signal }: LogRange & CallOptions = {},
  ): AsyncGenerator<EngineLogLine, void, undefined> {
    const frame = { type: 'model.logs', model, after, limit, follow: true };
    return callForParts<EngineLogLine>(this.connection, frame, { signal });
  }

  /**
   * Starts a model and keeps it running; resolves when it is ready.
   * @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN`, and why it cannot start
   */
  start(model: string, options: CallOptions = {}): Promise<ModelView> {
    return call(this.connection, { type: 'model.start', model }, options);
  }

  /** Stops a model; resolves when it has stopped. @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN` */
  stop(model: string, options: CallOptions = {}): Promise<ModelView> {
    return call(this.connection, { type: 'model.stop', model }, options);
  }
}
