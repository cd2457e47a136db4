// Starts an engine to read what it says about its memory, and ends it before it loads the model.
import { randomBytes } from 'node:crypto';
import type { MeasureContext, MemoryEstimate } from '../contract/backends.js';
import { engineCommand, type EngineCommand } from './engine-command.js';
import { reservePort } from './ports.js';
import { ServerProcess } from './server-process.js';

const longestMs = 5_000;

/** What a dry run starts. */
export interface DryRunSpec extends Omit<EngineCommand, 'adapters'> {
  readonly context: MeasureContext;
}

/**
 * The memory that the engine says it needs, at the latest after 5 s; `undefined` when it does not say. Resolves when
 * every process of it has ended.
 * @throws what `command` throws, Error when the engine cannot run, or the signal's reason
 */
export async function dryRun(spec: DryRunSpec): Promise<MemoryEstimate | undefined> {
  const { context } = spec;
  context.signal.throwIfAborted();
  const reservation = await reservePort();
  try {
    return await untilSaid(spec, reservation.port);
  } finally {
    reservation.release();
  }
}

async function untilSaid(spec: DryRunSpec, port: number): Promise<MemoryEstimate | undefined> {
  const { description, instance, engine, model, options, context } = spec;
  const command = await engineCommand({ ...spec, adapters: [] }, port, randomBytes(24).toString('hex'));
  const lines: string[] = [];
  const said = new AbortController();
  const end = AbortSignal.any([context.signal, said.signal, AbortSignal.timeout(longestMs)]);
  let found: MemoryEstimate | undefined;
  const process = await ServerProcess.spawn({
    ...command,
    args: [...command.args, ...(description.dryRun?.args ?? [])],
    guard: context.guard,
    onLine: (_stream, text) => {
      if (found !== undefined) return;
      lines.push(text);
      found = description.dryRun?.read(lines, { model, options, machine: context.machine, instance, engine });
      if (found !== undefined) said.abort();
    },
  });
  const kill = () => void process.kill();
  end.addEventListener('abort', kill, { once: true });
  if (end.aborted) kill();
  await process.closed;
  end.removeEventListener('abort', kill);
  context.signal.throwIfAborted();
  return found;
}
