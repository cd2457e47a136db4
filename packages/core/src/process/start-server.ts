// A start, from the command line to a server that is proved to be ours.
import { randomBytes } from 'node:crypto';
import type { ModelServer, ServerInfo, StartContext } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { withTimeout } from '../kernel/abort.js';
import type { LaunchAttempt, LaunchSpec } from './launch-attempt.js';
import { engineEnvironment } from './environment.js';
import { lastLines, reasonOfExit, startFailed } from './exit-reason.js';
import { defaultPath, modelServer, startedServer } from './model-server.js';
import { isPortTaken, reservePort } from './ports.js';
import { untilReady, type Finding } from './readiness.js';
import { ServerProcess } from './server-process.js';

const mostAttempts = 3;
const authorLimitMs = 30_000; // For the author's own functions: one that hangs must not hold up a start, nor its end.

/**
 * Starts the engine and resolves when it is ready. When another program took the port first, another port is tried,
 * three in all.
 * @throws LaminaError `MODEL_START_FAILED`, what `command` throws, or the signal's reason; only after every process is
 * gone
 */
export async function startServer(start: LaunchSpec): Promise<ModelServer> {
  const { context } = start;
  let starting = true; // Lines an engine prints later are no progress of its start.
  const progress: StartContext['progress'] = (update) => void (starting && context.progress(update));
  try {
    return await tryPorts({ ...start, context: { ...context, progress } });
  } finally {
    starting = false;
  }
}

async function tryPorts(start: LaunchSpec): Promise<ModelServer> {
  for (let attempt = 1; ; attempt += 1) {
    const launched = await launch(start);
    const outcome = await untilServing(launched);
    if (!('portWasTaken' in outcome)) return outcome;
    if (!outcome.portWasTaken || attempt === mostAttempts) throw outcome.error;
    start.context.log.warn(
      { port: launched.port },
      'Another program took the port of the engine; another port is tried',
    );
  }
}

async function launch(start: LaunchSpec): Promise<LaunchAttempt> {
  const { model, context } = start;
  context.signal.throwIfAborted();
  const reservation = await reservePort();
  const key = randomBytes(24).toString('hex'); // Hexadecimal: never taken for an option, whatever the engine parses.
  try {
    const process = await spawn(start, reservation.port, key);
    void process.closed.then(reservation.release);
    context.progress({ stage: 'loading' });
    return { ...start, port: reservation.port, key, process };
  } catch (error) {
    reservation.release();
    context.signal.throwIfAborted();
    if (LaminaError.is(error)) throw error;
    throw new LaminaError(
      'MODEL_START_FAILED',
      { model: model.name, reason: `its engine could not be run: ${reasonOf(error)}`, last_lines: [] },
      { cause: error },
    );
  }
}

async function spawn(
  { description, instance, engine, model, context }: LaunchSpec,
  port: number,
  key: string,
): Promise<ServerProcess> {
  const { adapters, options, env, guard, signal } = context;
  const command = await withTimeout(signal, authorLimitMs, tooLate, () =>
    description.command({ model, adapters, options, instance, port, key, engine }),
  );
  return ServerProcess.spawn({
    executable: engine.executable,
    args: [...(instance.default_args ?? []), ...command.args],
    env: engineEnvironment(env, description.scrubEnv ?? [], instance.env, command.env),
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    secret: key,
    onLine: lineListener(description, context),
    guard,
  });
}

/** Passes lines on, and what they say about progress; an author's mistake must not end Lamina. */
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
      context.log.warn({ error: reasonOf(error) }, 'The backend could not read the progress of its engine');
    }
  };
}

type Failure = { readonly portWasTaken: boolean; readonly error: LaminaError };

async function untilServing(attempt: LaunchAttempt): Promise<ModelServer | Failure> {
  const { process, context, description, port, key } = attempt;
  let finding: Finding | undefined;
  const onFinding = (found: Finding) => {
    if (found.stranger && finding?.stranger !== true)
      context.log.warn({ port }, `While the engine starts, ${found.text}`);
    finding = found;
  };
  const { ready = defaultPath, identity = defaultPath, readyLine } = description;
  let announced = readyLine === undefined;
  const mayAsk = () => (announced ||= process.lines.some((line) => readyLine?.test(line)));
  try {
    const readiness = await untilReady({
      port,
      key,
      ready,
      identity,
      mayAsk,
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
    return await withTimeout(context.signal, authorLimitMs, tooLate, (signal) =>
      description.inspect?.(startedServer(attempt, signal), { ...context, signal }),
    );
  } catch (error) {
    if (process.isGone) throw (await failure(attempt)).error;
    throw startFailed(
      model,
      `its engine is ready, but could not be asked what it can do: ${reasonOf(error)}`,
      process.lines,
    );
  }
}

async function failure({ description, process, model, context, port }: LaunchAttempt): Promise<Failure> {
  const end = await process.closed;
  context.signal.throwIfAborted();
  const { lines } = process;
  const reason = reasonOfExit(description, { model, end, lines, log: context.log });
  return { portWasTaken: await isPortTaken(port), error: startFailed(model, reason, lines, end) };
}

/** A limit that ran out says only that; what the engine printed, and what was found on its port, are known here. */
function withOutput(reason: unknown, { model, process }: LaunchAttempt, finding: Finding | undefined): unknown {
  if (!LaminaError.is(reason, 'MODEL_START_FAILED')) return reason;
  const said = String(reason.details['reason']);
  const details = {
    ...reason.details,
    model: model.name,
    reason: finding === undefined ? said : `${said}; ${finding.text}`,
  };
  return new LaminaError('MODEL_START_FAILED', { ...details, last_lines: lastLines(process.lines) });
}

function tooLate(): Error {
  return new Error(`it took longer than ${authorLimitMs / 1000} s`);
}
