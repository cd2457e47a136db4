// Opens an inference request: hooks, model name and lease.
import { randomUUID } from 'node:crypto';
import { processCaller } from '../contract/caller.js';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { IncomingRequest } from '../contract/inference.js';
import type { InferenceRequest } from '../contract/inference-request.js';
import type { Models, ResolvedModel } from '../contract/models.js';
import type { AcquireOptions, AcquireProgress, Lease, Runtime } from '../contract/runtime.js';
import { failureOf } from '../kernel/abort.js';
import type { EventBus } from '../kernel/event-bus.js';
import { TransformCollector } from '../kernel/response-transforms.js';
import type { HookName } from '../contract/hooks.js';
import type { HookContext, Hooks } from '../kernel/hooks.js';
import type { RunningTap } from '../kernel/running-taps.js';
import { firstThatStarts } from './fallbacks.js';
import { requestHeaders } from './headers.js';
import { forPlugins, LeasedRequest, parse, write, type AllowedRequest } from './leased-request.js';
import { RequestReport } from './request-report.js';

/** Opens requests. */
export class InferenceRequests {
  /** Whether a plugin needs the token counts of every stream. */
  readonly needsUsage: boolean;

  constructor(
    { plugins }: Config,
    private readonly models: Models,
    private readonly runtime: Runtime,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.needsUsage = plugins.some(({ needs }) => needs?.includes('usage') === true);
  }

  /** See `Inference.open`. */
  async open(incoming: IncomingRequest, options: AcquireOptions): Promise<LeasedRequest> {
    const { id = randomUUID(), caller = processCaller, body, form, stream = asksForStream(body) } = incoming;
    const { model, route } = incoming;
    const madeIn = this.hooks.runningTaps.current();
    const report = new RequestReport({ id, model, route, caller, stream }, this.events, this.clock);
    try {
      const headers = requestHeaders(incoming.headers);
      const via = nextVia(headers[viaHeader], this.events.session, model);
      const allowed = await this.runHook({ id, route, model, caller, headers }, body, madeIn, options.signal);
      report.resolved(allowed.model, allowed.route);
      const acquire = () => this.acquireFirst(allowed, options, report, madeIn);
      const request = { ...allowed, headers: { ...allowed.headers, [viaHeader]: via } };
      return new LeasedRequest(id, request, form, await acquire(), acquire, report, madeIn);
    } catch (thrown) {
      const error = failureOf(thrown, options.signal);
      report.finish({ status: error.status, served: false, error });
      throw thrown;
    }
  }

  /** Whether plugins may want to change answers. */
  get changesAnswers(): boolean {
    return this.hooks.run.transformResponse.isUsed();
  }

  /** Runs `transformResponse` for an answer that begins. */
  collectChanges(handle: LeasedRequest, isStream: boolean, signal: AbortSignal): TransformCollector {
    const collector = new TransformCollector(isStream);
    if (this.changesAnswers)
      this.hooks.run.transformResponse.call(collector, handle.asSeen(), this.context(signal, handle.madeIn));
    return collector;
  }

  private context(signal: AbortSignal, madeIn: RunningTap | undefined): HookContext {
    return { signal, log: this.log, ...(madeIn === undefined ? {} : { without: madeIn.plugins }) };
  }

  /** Runs `beforeRequest`. The parsed body lives no longer than the hook runs. */
  private async runHook(
    request: Omit<InferenceRequest, 'json'>,
    body: Buffer | undefined,
    madeIn: RunningTap | undefined,
    signal: AbortSignal,
  ): Promise<AllowedRequest> {
    const hook = this.hooks.run.beforeRequest;
    if (!hook.isUsed()) return { ...request, body };
    const before = forPlugins(request, body);
    const after = await hook.promise(before, this.context(signal, madeIn));
    if (after === before) return { ...request, body };
    const { json, ...allowed } = after;
    return { ...allowed, body: json === before.json ? body : write(json) };
  }

  /** A lease on the model of a request, or on the first of its fallbacks when that model cannot start. */
  private acquireFirst(
    { id, model, route, fallbacks = [] }: AllowedRequest,
    options: AcquireOptions,
    report: RequestReport,
    madeIn: RunningTap | undefined,
  ): Promise<Lease> {
    return firstThatStarts(
      [model, ...fallbacks],
      async (name) => {
        const target = this.models.resolve(name);
        if (name === model) report.resolved(target.model.name, route);
        return this.acquire(id, target, options, report, madeIn);
      },
      (failed, next, { code, message }) =>
        this.log.warn(
          { request: id, model: failed, fallback: next, code, reason: message },
          'Using a fallback: the model cannot start',
        ),
    );
  }

  private async acquire(
    id: string,
    target: ResolvedModel,
    options: AcquireOptions,
    report: RequestReport,
    madeIn: RunningTap | undefined,
  ): Promise<Lease> {
    const isHeld = madeIn !== undefined && holdingHooks.has(madeIn.hook);
    const onProgress = (progress: AcquireProgress) => {
      if (progress.kind === 'queued')
        this.events.emit('queue.position', { model: target.model.name, request: id, position: progress.position });
      options.onProgress?.(progress);
    };
    const acquiring = this.runtime.acquire(target, {
      ...options,
      ...(isHeld ? { onlyRunning: true } : {}),
      onProgress,
      onWaited: (times) => {
        report.waited(times);
        options.onWaited?.(times);
      },
    });
    const lease = await (isHeld ? acquiring.catch((error: unknown) => refuseToWait(error, madeIn.hook)) : acquiring);
    report.leased(target.answering.name);
    return lease;
  }
}

/** A start or a stop waits for the taps of these hooks, so they must not wait for another start. */
const holdingHooks: ReadonlySet<HookName> = new Set<HookName>([
  'selectBackend',
  'beforeStart',
  'afterStart',
  'beforeStop',
]);

function refuseToWait(error: unknown, hook: HookName): never {
  if (!LaminaError.is(error, 'MODEL_NOT_RUNNING')) throw error;
  const model = String(error.details['model']);
  const message = `Model "${model}" is not running, and a tap of ${hook} cannot start it: a start or stop waits for that tap.`;
  throw new LaminaError('CONFLICT', { message, model });
}

/** Parses only a body that may say so. */
function asksForStream(body: Buffer | undefined): boolean {
  return body?.includes('"stream"') === true && parse(body)['stream'] === true;
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
