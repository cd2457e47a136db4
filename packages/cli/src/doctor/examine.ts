// Runs the checks of `lamina doctor` side by side.
import { resolve } from 'node:path';
import type { Configuration } from '@lamina/config';
import { abortable, LaminaError, modelRuns, reasonOf } from '@lamina/core';
import { configurationOf } from '../configuration-of.js';
import type { GlobalOptions } from '../global-options.js';
import type { OpenedLamina } from '../local-lamina.js';
import type { Session } from '../session.js';
import type { Check, LaminaSubject, Problem, Report, Subject } from './check.js';
import { enginesCheck, gpuCheck } from './engines.js';
import { dataDirectoryCheck, modelsDirectoryCheck } from './folders.js';
import { manifestCheck } from './manifest.js';
import { memoryCheck } from './memory.js';
import { nodeCheck } from './node.js';
import { onlineCheck } from './online.js';
import { pluginsCheck } from './plugins.js';
import { keysCheck, portCheck, serverCheck } from './server.js';

/** The result of one check. */
export interface Finding extends Required<Report> {
  readonly id: string;
  readonly title: string;
}

/** A check that takes longer is ended. */
const limitMs = 5_000;
/** Loading plugins and reading the manifest, which comes before the checks. */
const openLimitMs = 20_000;

const folderChecks: readonly Check[] = [modelsDirectoryCheck, dataDirectoryCheck];
const laminaChecks: readonly Check<LaminaSubject>[] = [
  pluginsCheck,
  manifestCheck,
  enginesCheck,
  gpuCheck,
  memoryCheck,
];
const serverChecks: readonly Check[] = [serverCheck, portCheck, keysCheck];

/** Runs every check that can run; `online`: also those that need the internet. */
export async function examine(options: GlobalOptions, session: Session, online: boolean): Promise<readonly Finding[]> {
  const { io } = session;
  const { signal } = io;
  const configuration = await configurationOf(options, io).catch((error: unknown) => reasonOf(error));
  if (typeof configuration === 'string')
    return [await finding(nodeCheck, undefined, signal), brokenConfiguration(configuration)];
  const modelsDir = resolve(configuration.lamina.modelsDir ?? 'models');
  const subject: Subject = { io, options, configuration, modelsDir };
  const opening = openLamina(options, session);
  const opened = await abortable(opening, AbortSignal.any([signal, AbortSignal.timeout(openLimitMs)])).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      void opening.then(({ lamina }) => lamina.close()).catch(() => undefined);
      return error instanceof DOMException
        ? `Loading the plugins took longer than ${openLimitMs / 1000} s`
        : reasonOf(error);
    },
  );
  const all = <T>(checks: readonly Check<T>[], of: T) => checks.map((check) => finding(check, of, signal));
  if (typeof opened === 'string') {
    const others = await Promise.all(all([nodeCheck, ...folderChecks, ...serverChecks], subject));
    const [node, ...rest] = others;
    return [node!, brokenConfiguration(opened), ...rest];
  }
  const ending = new AbortController();
  try {
    const withLamina = laminaSubject(subject, opened, AbortSignal.any([signal, ending.signal]));
    const last = online ? [onlineCheck] : [];
    const [node, ...others] = await Promise.all([
      ...all([nodeCheck, ...folderChecks], subject),
      ...all(laminaChecks, withLamina),
      ...all(serverChecks, subject),
      ...all(last, withLamina),
    ]);
    return [node!, fine(configuration), ...others];
  } finally {
    ending.abort(); // What a check that took too long has begun.
    await opened.lamina.close({ signal });
  }
}

interface Opened extends OpenedLamina {
  readonly manifestProblem?: string;
}

/** Opens a Lamina; if its manifest cannot be used, one without models, so that the other checks can run. */
async function openLamina(options: GlobalOptions, session: Session): Promise<Opened> {
  const open = (flags: GlobalOptions) => session.open(flags, 'attached', { showsPlugins: true });
  try {
    return await open(options);
  } catch (error) {
    if (!LaminaError.is(error, 'CONFIG_INVALID') || !('problems' in error.details)) throw error;
    return { ...(await open({ ...options, manifest: {} })), manifestProblem: error.message };
  }
}

function laminaSubject(subject: Subject, { manifestProblem, ...opened }: Opened, signal: AbortSignal): LaminaSubject {
  const { lamina } = opened;
  const once = <T>(run: () => Promise<T>) => {
    let result: Promise<T> | undefined;
    return () => (result ??= run());
  };
  return {
    ...subject,
    opened,
    ...(manifestProblem === undefined ? {} : { manifestProblem }),
    engines: once(() => lamina.backends.list({ signal })),
    runs: once(async () => {
      const records = lamina.models.list().filter(({ available }) => available);
      const runs = await modelRuns(lamina, records, { signal });
      return records.flatMap((record) => {
        const run = runs.get(record.model.name);
        return run === undefined ? [] : [[record, run] as const];
      });
    }),
  };
}

/** Runs one check within its limit. */
async function finding<T>({ id, title, run }: Check<T>, subject: T, signal: AbortSignal): Promise<Finding> {
  const limit = AbortSignal.timeout(limitMs);
  const both = AbortSignal.any([signal, limit]);
  try {
    const { summary, problems = [] } = await abortable((async () => run(subject, both))(), both);
    return { id, title, summary, problems };
  } catch (error) {
    signal.throwIfAborted();
    const problem: Problem = limit.aborted
      ? { status: 'warning', detail: `There was no result within ${limitMs / 1000} s` }
      : { status: 'error', detail: reasonOf(error).replace(/\.$/, '') };
    return { id, title, summary: problem.detail, problems: [problem] };
  }
}

const configurationArea = { id: 'configuration', title: 'Configuration' } as const;

function brokenConfiguration(detail: string): Finding {
  const problem: Problem = {
    status: 'error',
    detail: detail.replace(/\.$/, ''),
    fix: 'Correct it, and run lamina doctor again: other checks need it',
  };
  return { ...configurationArea, summary: detail, problems: [problem] };
}

function fine({ file, folder }: Configuration): Finding {
  return { ...configurationArea, summary: file?.path ?? `defaults; no file in ${folder}`, problems: [] };
}
