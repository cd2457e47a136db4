// Makes a model server of a running engine process.
import type { Endpoint, Health, ModelServer, ServerExit, ServerInfo } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import type { LaunchAttempt } from './launch-attempt.js';
import type { StartedServer } from './description.js';
import { requestEngine, isSuccess, statusOf } from './engine-http.js';
import { lastLines, reasonOfExit } from './exit-reason.js';
import type { ProcessEnd } from './server-process.js';

const healthTimeoutMs = 5_000;

/**
 * The default path for readiness and identity: every server with OpenAI's API has it.
 */
export const defaultPath = '/v1/models';

/** The server for the functions of a description; `signal` is the default for its requests. */
export function startedServer(attempt: LaunchAttempt, signal: AbortSignal): StartedServer {
  const { model, context, engine } = attempt;
  const request: StartedServer['request'] = (path, init) => requestEngine(attempt, path, { signal, ...init });
  return {
    model,
    adapters: context.adapters,
    options: context.options,
    endpoint: endpointOf(attempt),
    engine,
    request,
  };
}

/** The model server of an attempt that succeeded. */
export function modelServer(attempt: LaunchAttempt, info: ServerInfo): ModelServer {
  const { process, description, model } = attempt;
  const endpoint = endpointOf(attempt);
  const { wake } = description;
  const sleep = description.canSleep?.(attempt.context.options) === false ? undefined : description.sleep;
  return {
    endpoint: () => {
      if (process.isGone)
        throw new LaminaError('MODEL_SERVER_EXITED', { model: model.name, reason: 'its process has ended' });
      return endpoint;
    },
    info,
    pid: process.pid,
    closed: process.closed.then((end) => serverExit(attempt, end)),
    stop: ({ signal }) => process.stop(signal),
    check: (signal) => checkHealth(attempt, signal),
    ...(sleep === undefined
      ? {}
      : { sleep: (signal) => sleep.call(description, startedServer(attempt, signal), signal) }),
    ...(wake === undefined ? {} : { wake: (signal) => wake.call(description, startedServer(attempt, signal), signal) }),
  };
}

function endpointOf({ port, key, description }: LaunchAttempt): Endpoint {
  return {
    baseUrl: `http://127.0.0.1:${port}${description.basePath ?? '/v1'}`,
    headers: { authorization: `Bearer ${key}` },
  };
}

function serverExit({ description, process, model, context }: LaunchAttempt, end: ProcessEnd): ServerExit {
  const expected = process.isStopping;
  const { lines } = process;
  const reason = expected
    ? 'the engine was stopped'
    : reasonOfExit(description, { model, end, lines, log: context.log });
  return { ...end, expected, reason, lastLines: lastLines(lines) };
}

async function checkHealth(attempt: LaunchAttempt, signal: AbortSignal): Promise<Health> {
  const { process } = attempt;
  if (process.isGone) return 'dead';
  try {
    return await requestHealth(attempt, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (process.isGone) return 'dead';
    throw error;
  }
}

async function requestHealth(attempt: LaunchAttempt, signal: AbortSignal): Promise<Health> {
  const { description } = attempt;
  if (description.check !== undefined) return description.check(startedServer(attempt, signal), signal);
  const path = description.ready ?? defaultPath;
  const status = await statusOf(attempt, path, { limitMs: healthTimeoutMs, signal });
  if (isSuccess(status)) return 'ok';
  throw new Error(status === undefined ? `no response from ${path}` : `${path} responds with ${status}`);
}
