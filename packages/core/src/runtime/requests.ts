// One inference request's way in and out: the hook, the name, the lease, the body the engine wants, the event at its
// end.
import { randomUUID } from 'node:crypto';
import { LaminaError, wireType, type WireError } from '../contract/errors.js';
import type { JsonObject } from '../contract/schema.js';
import type { Clock, Logger } from '../contract/context.js';
import type { AcquireOptions, Lease, Runtime } from '../contract/runtime.js';
import type { IncomingRequest, OpenRequest, RequestOutcome, Requests } from '../contract/inference.js';
import type { Models, ResolvedModel } from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { nextVia, viaHeader } from './via.js';

const longestName = 200;

/** Opens requests for every wire there is. */
export class RequestGate implements Requests {
  constructor(
    private readonly models: Models,
    private readonly runtime: Runtime,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async open(request: IncomingRequest, options: AcquireOptions): Promise<OpenRequest> {
    const { id = randomUUID() } = request;
    const began = this.clock.now();
    let { model, route } = request;
    const finished = (outcome: RequestOutcome) =>
      this.finished({ model, request: id, route, ms: this.clock.now() - began }, outcome);
    try {
      const via = nextVia(request.headers[viaHeader], this.events.session, request.model);
      const asked = await this.ask(request, options.signal);
      const allowed = { ...asked, headers: { ...asked.headers, [viaHeader]: via } };
      ({ model, route } = allowed);
      const target = this.models.resolve(model);
      model = target.model.name;
      const onProgress: AcquireOptions['onProgress'] = (progress) => this.progress(id, target, progress, options);
      const acquire = () => this.runtime.acquire(allowed.model, { ...options, onProgress });
      return new OpenedRequest(id, allowed, target, await acquire(), acquire, finished);
    } catch (thrown) {
      const error = LaminaError.from(thrown);
      finished({ status: error.status, served: false, error });
      throw thrown;
    }
  }

  private finished(
    about: { model: string; request: string; route: string; ms: number },
    { status, usage, error, cut }: RequestOutcome,
  ): void {
    this.events.emit('request.finished', {
      ...about,
      model: about.model.slice(0, longestName), // What a client names may be as long as a body.
      status,
      ...(usage === undefined ? {} : { usage }),
      ...(error === undefined ? {} : { error: publicError(status, error) }),
      ...(cut === true ? { cut } : {}),
    });
  }

  /** What the hook makes of a request. The parsed body lives no longer than the hook runs. */
  private async ask(request: IncomingRequest, signal: AbortSignal): Promise<IncomingRequest> {
    const hook = this.hooks.run.beforeRequest;
    if (!hook.isUsed()) return request;
    const { body, ...about } = request;
    const json = body === undefined ? undefined : parse(body);
    const { json: wanted, ...allowed } = await hook.promise(
      { ...about, ...(json === undefined ? {} : { json }) },
      { signal, log: this.log },
    );
    return { ...allowed, ...(wanted === json ? withBody(body) : withBody(write(wanted))) };
  }

  private progress(
    id: string,
    target: ResolvedModel,
    progress: Parameters<NonNullable<AcquireOptions['onProgress']>>[0],
    options: AcquireOptions,
  ): void {
    if (progress.kind === 'queued')
      this.events.emit('queue.position', { model: target.model.name, request: id, position: progress.position });
    options.onProgress?.(progress);
  }
}

/**
 * An error as others than the client may see it: what could quote the request, as an engine's or a plugin's refusal
 * may, is left out.
 */
function publicError(status: number, error: LaminaError | WireError): WireError {
  const code = error.code.slice(0, longestName);
  return { message: publicMessage(status, error), type: wireType(status), code };
}

function publicMessage(status: number, error: LaminaError | WireError): string {
  if (!LaminaError.is(error)) return 'The engine refused the request.';
  return status >= 500 ? error.message : `The request failed with ${status} ${error.code}.`;
}

function parse(body: Buffer): JsonObject {
  return JSON.parse(body.toString()) as JsonObject;
}

function write(json: JsonObject | undefined): Buffer | undefined {
  return json === undefined ? undefined : Buffer.from(JSON.stringify(json));
}

function withBody(body: Buffer | undefined): { body?: Buffer } {
  return body === undefined ? {} : { body };
}

class OpenedRequest implements OpenRequest {
  private finished = false;
  private renewed = false;

  constructor(
    readonly id: string,
    readonly request: IncomingRequest,
    readonly target: ResolvedModel,
    public lease: Lease,
    private readonly acquire: () => Promise<Lease>,
    private readonly onFinish: (outcome: RequestOutcome) => void,
  ) {}

  body(): Buffer | undefined {
    const { body, route } = this.request;
    if (body === undefined) return undefined;
    const { adapt, info } = this.lease;
    const json = parse(body);
    const { name } = this.target.model;
    const id = info.ids !== undefined && Object.hasOwn(info.ids, name) ? info.ids[name]! : name;
    const named = json['model'] === id ? json : { ...json, model: id };
    const adapted = adapt?.request?.(named, { model: this.target.model, route, info }) ?? named;
    return adapted === json ? body : write(adapted);
  }

  async renew(): Promise<void> {
    if (this.renewed) throw this.loss();
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

  private loss(): LaminaError {
    const { reason } = this.lease.signal as { reason: unknown };
    if (LaminaError.is(reason)) return reason;
    return new LaminaError('MODEL_SERVER_EXITED', {
      model: this.target.model.name,
      reason: 'it closed the connection without an answer',
    });
  }
}
