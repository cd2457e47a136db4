// A request that holds a lease: the body its engine needs, the replacement of its lease, and its end.
import type { FormBody, InferenceHandle, RequestOutcome } from '../contract/inference.js';
import { LaminaError } from '../contract/errors.js';
import type { InferenceRequest } from '../contract/inference-request.js';
import type { ResolvedModel } from '../contract/models.js';
import type { Lease } from '../contract/runtime.js';
import type { Json, JsonObject } from '../contract/schema.js';
import { freeze } from '../kernel/freeze.js';
import type { RunningTap } from '../kernel/running-taps.js';
import { isMapping } from '../kernel/json.js';
import { usageOptions } from '../kernel/usage-options.js';
import { withMember, withNewMember } from './members.js';
import type { RequestReport } from './request-report.js';
import { firstUsageIn } from './usage.js';

/** The request after the hooks, with its body as bytes. */
export type AllowedRequest = Omit<InferenceRequest, 'json'> & { readonly body: Buffer | undefined };

/** A body as it is sent to an engine. */
export interface EngineBody {
  readonly bytes?: Buffer;
  readonly contentType?: string;
}

/** An open request. */
export class LeasedRequest implements InferenceHandle {
  /** Whether the engine is to tell the usage of a stream that the client did not ask it for. */
  needsUsage = false;
  /** True when Lamina asked the engine for the usage of the stream although the client did not. */
  withholdsUsage = false;
  /** The token counts that the beginning of an answer told. */
  startUsage: JsonObject | undefined;
  /** Called when it has finished. */
  onFinish = (): void => {};
  private renewed = false;

  constructor(
    readonly id: string,
    readonly request: AllowedRequest,
    private readonly form: FormBody | undefined,
    public lease: Lease,
    private readonly acquire: () => Promise<Lease>,
    readonly report: RequestReport,
    /** The tap that makes the request, when one does. */
    readonly madeIn: RunningTap | undefined,
  ) {}

  get target(): ResolvedModel {
    return this.lease.target;
  }

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
    const adapted = adapt?.request?.(named, { model: this.target.answering, route, info }) ?? named;
    const bytes = adapted !== named ? write(adapted) : named === json ? body : withMember(body, 'model', id);
    this.withholdsUsage = this.needsUsage && streamsWithoutUsage(route, adapted);
    return this.withholdsUsage ? withUsage(bytes, adapted['stream_options']) : bytes;
  }

  /** Call it when the body of an answer begins. */
  onFirstData(chunk: Buffer): void {
    this.report.received();
    if (this.request.route === 'messages') this.startUsage = firstUsageIn(chunk);
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
    this.lease.release({ served: outcome.served });
    this.report.finish(outcome);
    this.onFinish();
  }

  /** The id by which the engine knows the model. */
  private engineId(): string {
    const { name } = this.target.answering;
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

/**
 * A request as plugins see it, frozen. Its body is parsed when one reads it: most read few requests. It names the
 * model of the request, also where only the path of the request does.
 */
export function forPlugins(request: Omit<InferenceRequest, 'json'>, body: Buffer | undefined): InferenceRequest {
  if (body === undefined) return freeze({ ...request });
  let json: JsonObject | undefined;
  return Object.freeze({
    ...freeze({ ...request }),
    get json() {
      return (json ??= freeze({ ...parse(body), model: request.model }));
    },
  });
}

export function parse(body: Buffer): JsonObject {
  return JSON.parse(body.toString()) as JsonObject;
}

export function write(json: JsonObject): Buffer;
export function write(json: JsonObject | undefined): Buffer | undefined;
export function write(json: JsonObject | undefined): Buffer | undefined {
  return json === undefined ? undefined : Buffer.from(JSON.stringify(json));
}

/** Whether the engine would keep its token counts to itself. */
function streamsWithoutUsage(route: string, json: JsonObject): boolean {
  if (json['stream'] !== true || (route !== 'chat/completions' && route !== 'completions')) return false;
  const options = json['stream_options'];
  return !isMapping(options) || options['include_usage'] !== true;
}

function withUsage(body: Buffer, options: Json | undefined): Buffer {
  const value = usageOptions(options);
  return options === undefined
    ? withNewMember(body, 'stream_options', value)
    : withMember(body, 'stream_options', value);
}
