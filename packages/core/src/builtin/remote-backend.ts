// The backend type `remote`: servers that already run, here or elsewhere. Lamina never starts or stops them.
import type {
  Acceptance,
  Availability,
  Backend,
  BackendContext,
  BackendType,
  Endpoint,
  EndpointOptions,
  Health,
  ModelServer,
  ServerExit,
  ServerInfo,
} from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import type { Model } from '../contract/models.js';
import { abortable } from '../kernel/abort.js';
import { idleIntervalMs, type Remote } from './remote.js';
import {
  idOf,
  remoteFormat,
  remoteModelOptions,
  remoteOptions,
  remoteType,
  type RemoteOptions,
} from './remote-options.js';
import type { Remotes } from './remotes.js';

/** Makes the backend type `remote`. */
export function remoteBackend(remotes: Remotes): BackendType {
  return {
    type: remoteType,
    formats: [remoteFormat],
    options: remoteOptions,
    modelOptions: remoteModelOptions,
    lifetime: 'external',
    create: (name, options) => new RemoteBackend(remotes.get(name, options as RemoteOptions), remotes),
  };
}

class RemoteBackend implements Backend {
  readonly name: string;

  constructor(
    private readonly remote: Remote,
    private readonly remotes: Remotes,
  ) {
    this.name = remote.name;
  }

  async probe({ signal }: BackendContext): Promise<Availability> {
    await abortable(this.remote.check(), signal);
    const { suspicion, hint, canReturn } = this.remote;
    if (suspicion === undefined) return { available: true };
    return {
      available: false,
      reason: suspicion,
      hint,
      ...(canReturn ? { retryAfter: idleIntervalMs / 1000 } : {}),
    };
  }

  accepts(model: Model): Acceptance {
    if (!this.remotes.for(model).includes(this.remote))
      return { refused: `its server does not have the model "${idOf(model)}"` };
    const isListed = this.remote.lists(idOf(model)) === true;
    return { rank: isListed ? 1 : 0, reason: isListed ? 'its server lists it' : 'it is served elsewhere' };
  }

  async start(model: Model, { signal, progress }: Parameters<Backend['start']>[1]): Promise<ModelServer> {
    progress({ stage: 'attaching' });
    await abortable(this.remote.check(), signal);
    const { suspicion } = this.remote;
    if (suspicion !== undefined) throw new LaminaError('MODEL_START_FAILED', { model: model.name, reason: suspicion });
    return new RemoteServer(model, this.remotes);
  }
}

/** A model on all remotes that have it. */
class RemoteServer implements ModelServer {
  readonly closed: Promise<ServerExit>;
  private readonly stopListening: () => void;
  private end: (exit: ServerExit) => void = () => undefined;

  constructor(
    private readonly model: Model,
    private readonly remotes: Remotes,
  ) {
    this.closed = new Promise((resolve) => (this.end = resolve));
    this.stopListening = remotes.listen(() => this.endIfLost());
  }

  /** The lists of remotes change. */
  get info(): ServerInfo {
    const id = idOf(this.model);
    const { contextLength } = this.remotes.listed(this.model);
    return {
      ...(id === this.model.name ? {} : { ids: { [this.model.name]: id } }),
      ...(contextLength === undefined ? {} : { contextLength }),
    };
  }

  endpoint({ failed, request }: EndpointOptions = {}): Endpoint {
    return this.remotes.choose(this.model, failed).endpoint(request !== undefined);
  }

  check(): Promise<Health> {
    const isWell = this.remotes.for(this.model).some(({ suspicion }) => suspicion === undefined);
    return Promise.resolve(isWell ? 'ok' : 'degraded');
  }

  stop(): Promise<void> {
    return Promise.resolve(this.close(true, 'it was detached'));
  }

  /** The backend of the model is then chosen again. */
  private endIfLost(): void {
    if (!this.remotes.isLost(this.model)) return;
    const [remote] = this.remotes.for(this.model);
    this.close(false, remote!.problem!);
  }

  private close(expected: boolean, reason: string): void {
    this.stopListening();
    // eslint-disable-next-line no-restricted-syntax -- The fields of a process that ended without code and signal.
    this.end({ code: null, signal: null, expected, reason, lastLines: [] });
  }
}
