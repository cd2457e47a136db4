// Opens an inference request: hooks, model name, lease, the body the engine needs, and the event at its end.
import { randomUUID } from 'node:crypto';
import { processCaller } from '../contract/caller.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError, wireType, type WireError } from '../contract/errors.js';
import type { FormBody, IncomingRequest, InferenceHandle, RequestOutcome } from '../contract/inference.js';
import type { InferenceRequest } from '../contract/inference-request.js';
import type { EventData } from '../contract/events.js';
import type { Models, ResolvedModel } from '../contract/models.js';
import type { AcquireOptions, AcquireProgress, Lease, Runtime } from '../contract/runtime.js';
import type { JsonObject } from '../contract/schema.js';
import type { EventBus } from '../kernel/event-bus.js';
import { freeze } from '../kernel/freeze.js';
import type { Hooks } from '../kernel/hooks.js';
import { requestHeaders } from './headers.js';
import { withModel } from './model-field.js';

/** The request after the hooks, with its body as bytes. */
type AllowedRequest = Omit<InferenceRequest, 'json'> & { readonly body: Buffer | undefined };

/** A body as it is sent to an engine. */
export interface EngineBody {
  readonly bytes?: Buffer;
  readonly contentType?: string;
}

const maxNameLength = 200;

/** Opens requests. */
export class InferenceRequests {
  constructor(
    private readonly models: Models,
    private readonly runtime: Runtime,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** See `Inference.open`. */
  async open(incoming: IncomingRequest, options: AcquireOptions): Promise<LeasedRequest> {
    const { id = randomUUID(), caller = processCaller, body, form } = incoming;
    const startedAt = this.clock.now();
    let { model, route } = incoming;
    const onFinish = (outcome: RequestOutcome) =>
      this.emitFinished(
        { model, request: id, route, via: caller.via, stream: false, ms: this.clock.now() - startedAt },
        outcome,
      );
    try {
      const headers = requestHeaders(incoming.headers);
      const via = nextVia(headers[viaHeader], this.events.session, model);
      const allowed = await this.runHook({ id, route, model, caller, headers }, body, options.signal);
      ({ model, route } = allowed);
      const target = this.models.resolve(model);
      model = target.model.name;
      const onProgress = (progress: AcquireProgress) => this.onProgress(id, target, progress, options);
      const acquire = () => this.runtime.acquire(target, { ...options, onProgress });
      const request = { ...allowed, headers: { ...allowed.headers, [viaHeader]: via } };
      return new LeasedRequest(id, request, form, target, await acquire(), acquire, onFinish);
    } catch (thrown) {
      const error = LaminaError.from(thrown);
      onFinish({ status: error.status, served: false, error });
      throw thrown;
    }
  }

  /** Runs `beforeRequest`. The parsed body lives no longer than the hook runs. */
  private async runHook(
    request: Omit<InferenceRequest, 'json'>,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<AllowedRequest> {
    const hook = this.hooks.run.beforeRequest;
    if (!hook.isUsed()) return { ...request, body };
    const before = forPlugins(request, body);
    const after = await hook.promise(before, { signal, log: this.log });
    if (after === before) return { ...request, body };
    const { json, ...allowed } = after;
    return { ...allowed, body: json === before.json ? body : write(json) };
  }

  private onProgress(id: string, target: ResolvedModel, progress: AcquireProgress, options: AcquireOptions): void {
    if (progress.kind === 'queued')
      this.events.emit('queue.position', { model: target.model.name, request: id, position: progress.position });
    options.onProgress?.(progress);
  }

  private emitFinished(
    about: Pick<EventData<'request.finished'>, 'model' | 'request' | 'route' | 'via' | 'stream' | 'ms'>,
    { status, usage, error, cut }: RequestOutcome,
  ): void {
    this.events.emit('request.finished', {
      ...about,
      model: about.model.slice(0, maxNameLength), // A client can name a model as long as a body may be.
      status,
      ...(usage === undefined ? {} : { usage }),
      ...(error === undefined ? {} : { error: publicError(status, error) }),
      ...(cut === true ? { cut } : {}),
    });
  }
}

/** An open request. */
export class LeasedRequest implements InferenceHandle {
  private finished = false;
  private renewed = false;

  constructor(
    readonly id: string,
    readonly request: AllowedRequest,
    private readonly form: FormBody | undefined,
    readonly target: ResolvedModel,
    public lease: Lease,
    private readonly acquire: () => Promise<Lease>,
    private readonly onFinish: (outcome: RequestOutcome) => void,
  ) {}

  /** The request as the model server sees it that chooses an endpoint. */
  asSeen(): InferenceRequest {
    const { body, ...request } = this.request;
    return forPlugins(request, body);
  }

  body(): Buffer | undefined {
    const { body, route } = this.request;
    if (body === undefined) return undefined;
    const { adapt, info } = this.lease;
    const json = parse(body);
    const id = this.engineId();
    const named = json['model'] === id ? json : { ...json, model: id };
    const adapted = adapt?.request?.(named, { model: this.target.model, route, info }) ?? named;
    if (adapted !== named) return write(adapted);
    return named === json ? body : withModel(body, id);
  }

  /** The body for the server of the current lease, of whichever kind it is. */
  async engineBody(): Promise<EngineBody> {
    const { form } = this;
    if (form !== undefined) {
      const { bytes, contentType, model } = form;
      const id = this.engineId();
      return { contentType, bytes: id === model ? bytes : await form.withModel(id) };
    }
    const bytes = this.body();
    return bytes === undefined ? {} : { bytes, contentType: 'application/json' };
  }

  async renew(): Promise<void> {
    if (this.renewed) throw this.lossReason();
    this.renewed = true;
    this.lease.release({ served: false });
    this.lease = await this.acquire();
  }

  finish(outcome: RequestOutcome): void {
    if (this.finished) return;
    this.finished = true;
    this.lease.release({ served: outcome.served });
    this.onFinish(outcome);
  }

  /** The id by which the engine knows the model. */
  private engineId(): string {
    const { name } = this.target.model;
    const { ids } = this.lease.info;
    return ids !== undefined && Object.hasOwn(ids, name) ? ids[name]! : name;
  }

  private lossReason(): LaminaError {
    const { reason } = this.lease.signal as { reason: unknown };
    if (LaminaError.is(reason)) return reason;
    return new LaminaError('MODEL_SERVER_EXITED', {
      model: this.target.model.name,
      reason: 'it closed the connection without an answer',
    });
  }
}

/** Names the Lamina servers a request has passed: their ids with commas between, the oldest first. */
const viaHeader = 'lamina-via';

const maxHops = 4;

/** Longer than the ids of `maxHops` servers: a client must not make us forward more. */
const maxViaLength = 100;

/**
 * The value of the header for the next server. It ends requests that go in a circle: Lamina servers that name each
 * other as remotes for one model.
 * @throws LaminaError `REQUEST_LOOP` when the request has passed this server before, or as many servers as it may
 */
function nextVia(via: string | undefined, own: string, model: string): string {
  if (via === undefined) return own;
  const ids = via.split(',', maxHops).map((id) => id.trim());
  if (ids.includes(own)) throw new LaminaError('REQUEST_LOOP', { model, reason: 'it came back to this server' });
  if (ids.length >= maxHops || via.length > maxViaLength) {
    throw new LaminaError('REQUEST_LOOP', { model, reason: `it passed ${maxHops} Lamina servers, the limit` });
  }
  return `${ids.join(', ')}, ${own}`;
}

/**
 * An error as others than the client may see it: what could quote the request, as an engine's or a plugin's refusal
 * may, is left out.
 */
function publicError(status: number, error: LaminaError | WireError): WireError {
  const code = error.code.slice(0, maxNameLength);
  return { message: publicMessage(status, error), type: wireType(status), code };
}

function publicMessage(status: number, error: LaminaError | WireError): string {
  if (!LaminaError.is(error)) return 'The engine refused the request.';
  return status >= 500 ? error.message : `The request failed with ${status} ${error.code}.`;
}

/**
 * A request as plugins see it, frozen. Its body is parsed when one reads it: most read few requests. It names the
 * model of the request, also where only the path of the request does.
 */
function forPlugins(request: Omit<InferenceRequest, 'json'>, body: Buffer | undefined): InferenceRequest {
  if (body === undefined) return freeze({ ...request });
  let json: JsonObject | undefined;
  return Object.freeze({
    ...freeze({ ...request }),
    get json() {
      return (json ??= freeze({ ...parse(body), model: request.model }));
    },
  });
}

function parse(body: Buffer): JsonObject {
  return JSON.parse(body.toString()) as JsonObject;
}

function write(json: JsonObject | undefined): Buffer | undefined {
  return json === undefined ? undefined : Buffer.from(JSON.stringify(json));
}
