// One inference request's way in and out: the hook, the name, the lease, the body the engine wants, the event at its end.
import { randomUUID } from 'node:crypto';
import { inject, injectable } from 'inversify';
import { LaminaError } from '../contract/errors.js';
import type { JsonObject } from '../contract/schema.js';
import type { Clock, Logger } from '../contract/context.js';
import type { AcquireOptions, InferenceRequest, Lease, Models, OpenRequest, Requests, ResolvedModel, Runtime } from '../contract/services.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { tokens } from '../kernel/tokens.js';

/** Opens requests for every wire there is. */
@injectable()
export class RequestGate implements Requests {
  constructor(
    @inject(tokens.Models) private readonly models: Models,
    @inject(tokens.Runtime) private readonly runtime: Runtime,
    @inject(tokens.Hooks) private readonly hooks: Hooks,
    @inject(tokens.Events) private readonly events: EventBus,
    @inject(tokens.Clock) private readonly clock: Clock,
    @inject(tokens.Log) private readonly log: Logger,
  ) {}

  async open(request: InferenceRequest, options: AcquireOptions): Promise<OpenRequest> {
    const id = randomUUID();
    const began = this.clock.now();
    const allowed = await this.ask(request, options.signal);
    const target = this.models.resolve(allowed.model);
    const acquire = () => this.runtime.acquire(allowed.model, { ...options, onProgress: (progress) => this.progress(id, target, progress, options) });
    const lease = await acquire();
    return new OpenedRequest(id, request, allowed, target, lease, acquire, (outcome) => {
      const ms = this.clock.now() - began;
      const { status, usage } = outcome;
      this.events.emit('request.finished', { model: target.model.name, request: id, route: allowed.route, status, ms, ...(usage === undefined ? {} : { usage }) });
    });
  }

  private async ask(request: InferenceRequest, signal: AbortSignal): Promise<InferenceRequest> {
    const hook = this.hooks.run.beforeRequest;
    return hook.isUsed() ? hook.promise(request, { signal, log: this.log }) : request;
  }

  private progress(id: string, target: ResolvedModel, progress: Parameters<NonNullable<AcquireOptions['onProgress']>>[0], options: AcquireOptions): void {
    if (progress.kind === 'queued') this.events.emit('queue.position', { model: target.model.name, request: id, position: progress.position });
    options.onProgress?.(progress);
  }
}

type Outcome = { status: number; served: boolean; usage?: JsonObject };

class OpenedRequest implements OpenRequest {
  private finished = false;
  private renewed = false;

  constructor(
    readonly id: string,
    private readonly asked: InferenceRequest,
    readonly request: InferenceRequest,
    readonly target: ResolvedModel,
    public lease: Lease,
    private readonly acquire: () => Promise<Lease>,
    private readonly onFinish: (outcome: Outcome) => void,
  ) {}

  get body(): JsonObject | undefined {
    const { json } = this.request;
    if (json === undefined) return undefined;
    const { adapt, info } = this.lease;
    const id = info.ids?.[this.target.model.name] ?? this.target.model.name;
    const named = json['model'] === id ? json : { ...json, model: id };
    const adapted = adapt?.request?.(named, { model: this.target.model, route: this.request.route, info }) ?? named;
    return adapted === this.asked.json ? undefined : adapted;
  }

  async renew(): Promise<void> {
    const reason = this.lease.over ? await this.lease.ended : 'it closed the connection without an answer';
    if (this.renewed) throw new LaminaError('MODEL_SERVER_EXITED', { model: this.target.model.name, reason });
    this.renewed = true;
    this.lease.release({ served: false });
    this.lease = await this.acquire();
  }

  finish(outcome: Outcome): void {
    if (this.finished) return;
    this.finished = true;
    this.lease.release({ served: outcome.served });
    this.onFinish(outcome);
  }
}
