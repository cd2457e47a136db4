// Requests of this process: how what is asked becomes a request, and the embeddings in an answer.
import type { EmbedResult, InferenceOptions } from '../contract/chat.js';
import { LaminaError } from '../contract/errors.js';
import type { Usage } from '../contract/frames.js';
import type { IncomingRequest } from '../contract/inference.js';
import type { JsonObject } from '../contract/schema.js';
import { isMapping } from '../kernel/json.js';
import { usageOptions } from '../kernel/usage-options.js';

type Named = { readonly model: string } & Readonly<Record<string, unknown>>;

/** @throws LaminaError `REQUEST_INVALID` when it names no model */
export function incoming(route: string, json: Named, options: InferenceOptions): IncomingRequest {
  const { model, stream } = json;
  if (typeof model !== 'string' || model === '')
    throw new LaminaError('REQUEST_INVALID', { message: 'The request needs the name of a model.', param: 'model' });
  const { id, caller, headers = {} } = options;
  return {
    ...(id === undefined ? {} : { id }),
    ...(caller === undefined ? {} : { caller }),
    route,
    model,
    headers,
    stream: stream === true,
    body: Buffer.from(JSON.stringify(json)),
  };
}

/** The request as a stream that ends with its usage. */
export function withUsage<Request extends Named>(request: Request): Request & { stream: true } {
  return { ...request, stream: true, stream_options: usageOptions(request['stream_options']) };
}

/** The embeddings in an engine's answer, in the order of the inputs. */
export function readEmbeddings({ data, model, usage }: JsonObject): EmbedResult {
  const items = (Array.isArray(data) ? data : []).filter(isMapping);
  const embeddings = items
    .toSorted((a, b) => Number(a['index'] ?? 0) - Number(b['index'] ?? 0))
    .map(({ embedding }) => embedding as number[]);
  return {
    embeddings,
    ...(typeof model === 'string' ? { model } : {}),
    ...(isMapping(usage) ? { usage: usage as Usage } : {}),
  };
}
