// Starts an engine process: from the command line to a server that is proved to be ours.
import { randomBytes } from 'node:crypto';
import type { ModelServer, ServerInfo, StartContext } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { withTimeout } from '../kernel/abort.js';
import type { LaunchAttempt, LaunchSpec } from './launch-attempt.js';
import { engineCommand, pluginTimeoutMs, timeoutError } from './engine-command.js';
import { lastLines, reasonOfExit, startFailed } from './exit-reason.js';
import { defaultPath, modelServer, startedServer } from './model-server.js';
import { isPortTaken, reservePort } from './ports.js';
import { untilReady, type PortFinding } from './readiness.js';
import { ServerProcess } from './server-process.js';

const maxAttempts = 3;

/**
 * Starts the engine and resolves when it is ready. If another program takes the port first, another port is tried, three
 * in all.
 * @throws LaminaError `MODEL_START_FAILED`, what `command` throws, or the signal's reason; only after every process has
 * ended
 */
export async function startServer(spec: LaunchSpec): Promise<ModelServer> {
  const { context } = spec;
  let starting = true; // Later output is not progress of the start.
  const progress: StartContext['progress'] = (update) => void (starting && context.progress(update));
  try {
    return await tryPorts({ ...spec, context: { ...context, progress } });
  } finally {
    starting = false;
  }
}

async function tryPorts(spec: LaunchSpec): Promise<ModelServer> {
  for (let attempt = 1; ; attempt += 1) {
    const launched = await launch(spec);
    const outcome = await untilServing(launched);
    if (!('portWasTaken' in outcome)) return outcome;
    if (!outcome.portWasTaken || attempt === maxAttempts) throw outcome.error;
    spec.context.log.warn({ port: launched.port }, 'Another program took the port of the engine; trying another port');
  }
}

async function launch(spec: LaunchSpec): Promise<LaunchAttempt> {
  const { model, context } = spec;
  context.signal.throwIfAborted();
  const reservation = await reservePort();
  const key = randomBytes(24).toString('hex'); // Hexadecimal, so that no command line parser mistakes it for an option.
  try {
    const process = await spawn(spec, reservation.port, key);
    void process.closed.then(reservation.release);
    context.progress({ stage: 'loading' });
    return { ...spec, port: reservation.port, key, process };
  } catch (error) {
    reservation.release();
    context.signal.throwIfAborted();
    if (LaminaError.is(error)) throw error;
    throw new LaminaError(
      'MODEL_START_FAILED',
      { model: model.name, reason: `its engine could not be started: ${reasonOf(error)}`, last_lines: [] },
      { cause: error },
    );
  }
}

async function spawn(spec: LaunchSpec, port: number, key: string): Promise<ServerProcess> {
  const { description, context } = spec;
  const { adapters, options, guard } = context;
  const command = await engineCommand({ ...spec, adapters, options }, port, key);
  return ServerProcess.spawn({ ...command, onLine: lineListener(description, context), guard });
}

/** Passes on lines and the progress they report; an error in the plugin must not end Lamina. */
function lineListener(
  description: LaunchSpec['description'],
  context: StartContext,
): (stream: 'stdout' | 'stderr', text: string) => void {
  let canRead = true;
  return (stream, text) => {
    context.output(stream, text);
    try {
      const update = canRead ? description.progress?.(text) : undefined;
      if (update !== undefined) context.progress(update);
    } catch (error) {
      canRead = false;
      context.log.warn({ error: reasonOf(error) }, 'The backend failed to read the progress of its engine');
    }
  };
}

type LaunchFailure = { readonly portWasTaken: boolean; readonly error: LaminaError };

async function untilServing(attempt: LaunchAttempt): Promise<ModelServer | LaunchFailure> {
  const { process, context, description, port, key } = attempt;
  let finding: PortFinding | undefined;
  const onFinding = (found: PortFinding) => {
    if (found.stranger && finding?.stranger !== true)
      context.log.warn({ port }, `While the engine starts, ${found.text}`);
    finding = found;
  };
  const { ready = defaultPath, identity = defaultPath, readyLine } = description;
  let announced = readyLine === undefined;
  const mayRequest = () => (announced ||= process.lines.some((line) => readyLine?.test(line)));
  try {
    const readiness = await untilReady({
      port,
      key,
      ready,
      identity,
      mayRequest,
      exited: process.exited,
      signal: context.signal,
      onFinding,
    });
    if (readiness === 'exited' || process.isGone) return await failure(attempt);
    const info = await inspect(attempt);
    return modelServer(attempt, { ...info, verified: readiness === 'verified' });
  } catch (error) {
    await process.kill();
    throw context.signal.aborted ? withOutput(context.signal.reason, attempt, finding) : error;
  }
}

async function inspect(attempt: LaunchAttempt): Promise<ServerInfo | undefined> {
  const { description, context, model, process } = attempt;
  try {
    return await withTimeout(context.signal, pluginTimeoutMs, timeoutError, (signal) =>
      description.inspect?.(startedServer(attempt, signal), { ...context, signal }),
    );
  } catch (error) {
    if (process.isGone) throw (await failure(attempt)).error;
    throw startFailed(
      model,
      `its engine is ready, but its capabilities could not be read: ${reasonOf(error)}`,
      process.lines,
    );
  }
}

async function failure({ description, process, model, context, port }: LaunchAttempt): Promise<LaunchFailure> {
  const end = await process.closed;
  context.signal.throwIfAborted();
  const { lines } = process;
  const reason = reasonOfExit(description, { model, end, lines, log: context.log });
  return { portWasTaken: await isPortTaken(port), error: startFailed(model, reason, lines, end) };
}

/** Adds to the error of a timeout what the engine printed and what was found on its port. */
function withOutput(reason: unknown, { model, process }: LaunchAttempt, finding: PortFinding | undefined): unknown {
  if (!LaminaError.is(reason, 'MODEL_START_FAILED')) return reason;
  const reasonText = String(reason.details['reason']);
  const details = {
    ...reason.details,
    model: model.name,
    reason: finding === undefined ? reasonText : `${reasonText}; ${finding.text}`,
  };
  return new LaminaError('MODEL_START_FAILED', { ...details, last_lines: lastLines(process.lines) });
}
