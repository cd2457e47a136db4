// The models of a server.
import { call, type CallOptions } from './call.js';
import type { Connection } from './connection.js';
import type { ModelDetail, ModelsView, ModelView, PsView } from './wire.js';

/** Which models {@link Models.list} returns; default all. */
export interface ModelFilter {
  readonly state?: ModelView['state'];
  readonly format?: string;
  /** A part of the name or the description. */
  readonly q?: string;
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
