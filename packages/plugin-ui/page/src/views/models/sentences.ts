// What the view says of a model that is in use, and of the memory that models share.
import type { ModelView, PsModel, PsView } from '@lamina/core/protocol';
import { counted, formatBytes, formatDuration, formatNumber, formatRatio } from '../../format.js';

/** The limit of the server when neither the model nor the configuration has one, in seconds. */
const defaultDrainTimeout = 30;

type Resource = PsView['resources'][string];

/** `1 of 4 running, 2 waiting`; `idle` without requests. Undefined for a model that serves none. */
export function requestsText({ state, busy, capacity, waiting }: PsModel): string | undefined {
  const parts = [
    ...(busy === 0 ? [] : [`${busy}${capacity === undefined ? '' : ` of ${formatNumber(capacity)}`} running`]),
    ...(waiting === 0 ? [] : [`${formatNumber(waiting)} waiting`]),
  ];
  if (parts.length > 0) return parts.join(', ');
  return state === 'ready' || state === 'degraded' ? 'idle' : undefined;
}

/** Why requests wait for a model: a sentence, without the count, which {@link requestsText} has. */
export function waitingText({ state, busy, capacity, waiting, wait_reason: reason }: PsModel): string | undefined {
  if (waiting === 0) return undefined;
  if (reason !== undefined) return `Waiting: ${reason}.`;
  if (state === 'ready' && capacity !== undefined && busy >= capacity)
    return `Waiting: it serves ${counted(capacity, 'request')} at once.`;
  return undefined;
}

/** `stops in 4 min`, `can start again in 8 s`, `stays loaded`. */
export function untilText(
  { state, busy, idle_at: idleAt, retry_at: retryAt }: PsModel,
  now: number,
): string | undefined {
  if (idleAt !== undefined) return `stops ${inTime(Date.parse(idleAt) - now)}`;
  if (retryAt !== undefined && Date.parse(retryAt) > now) return `can start again ${inTime(Date.parse(retryAt) - now)}`;
  return (state === 'ready' || state === 'degraded') && busy === 0 ? 'stays loaded' : undefined;
}

/** `Loading weights, 62 %` */
export function progressText({ stage, ratio }: { readonly stage: string; readonly ratio?: number }): string {
  const name = stage.charAt(0).toUpperCase() + stage.slice(1).replaceAll('_', ' ');
  return ratio === undefined ? name : `${name}, ${formatRatio(ratio)}`;
}

/** What a stop does to the answers of a model; undefined when none is under way, so that nobody need be asked. */
export function stopQuestion(run: PsModel | undefined, limits: ModelView['limits']): string | undefined {
  if (run === undefined || run.busy === 0) return undefined;
  const { busy, waiting } = run;
  const own = limits?.drain_timeout;
  const they = busy === 1 ? 'it' : 'they';
  const seconds = `${formatNumber(own ?? defaultDrainTimeout)} s`;
  const most = own === undefined ? `${seconds} unless the server is configured otherwise` : seconds;
  const end = busy === 1 ? 'is cut off' : 'are cut off';
  return [
    `${counted(busy, 'answer')} ${busy === 1 ? 'is' : 'are'} under way:`,
    own === 0 ? `${they} ${end} at once.` : `${they} may go on for ${most}, then ${they} ${end}.`,
    ...(waiting === 0
      ? []
      : [`${counted(waiting, 'request')} that ${waiting === 1 ? 'waits fails' : 'wait fail'} now.`]),
  ].join(' ');
}

/** The bytes that are reserved for a model, in system memory and on devices together. */
export function reservedBytes({ memory }: Pick<PsModel, 'memory'>): number | undefined {
  if (memory === undefined) return undefined;
  return Object.entries(memory.reserved).reduce((sum, [name, amount]) => sum + (countsModels(name) ? 0 : amount), 0);
}

const bases = {
  estimate: 'estimated from its files',
  engine: 'said by the engine',
  learned: 'as it took before',
  unknown: 'guessed from the size of its files',
} as const;

/** `2.6 GB reserved, estimated from its files; 2.4 GB measured` */
export function memoryText(run: Pick<PsModel, 'memory'>): string | undefined {
  const bytes = reservedBytes(run);
  if (bytes === undefined || run.memory === undefined) return undefined;
  const { basis, resident_bytes: resident, slow } = run.memory;
  return [
    `${formatBytes(bytes)} reserved, ${bases[basis]}`,
    ...(resident === undefined ? [] : [`${formatBytes(resident)} of system memory measured, without mapped files`]),
    ...(slow === true ? ['its weights do not fit in memory, so it is slow'] : []),
  ].join('; ');
}

/** `8 GB of 16 GB of memory reserved, 8 GB free`, `1 of 2 models loaded`. */
export function resourceText(name: string, { budget, reserved, free }: Resource): string {
  if (countsModels(name)) {
    const most = budget === undefined ? '' : ` of ${formatNumber(budget)}`;
    const count = `${formatNumber(reserved)}${most}`;
    return name === 'servers'
      ? `${count} models loaded`
      : `${count} loaded of the group “${name.slice('group:'.length)}”`;
  }
  const of = budget === undefined ? '' : ` of ${formatBytes(budget)}`;
  const left = free === undefined ? '' : `, ${formatBytes(free)} free`;
  return `${formatBytes(reserved)}${of} of ${name === 'host' ? 'memory' : `memory of ${name}`} reserved${left}`;
}

/** Each model's part of a resource's budget, from 0 to 1; empty for what has no budget or counts models. */
export function sharesOf(
  name: string,
  { models, resources }: Pick<PsView, 'models' | 'resources'>,
): readonly { readonly model: string; readonly share: number }[] {
  const budget = resources[name]?.budget;
  if (budget === undefined || budget === 0 || countsModels(name)) return [];
  return Object.entries(models).flatMap(([model, { memory }]) => {
    const share = (memory?.reserved[name] ?? 0) / budget;
    return share === 0 ? [] : [{ model, share: Math.min(1, share) }];
  });
}

/** True for a resource that counts models. As in core, of which the page takes types only: its schemas are 4 kB more. */
export function countsModels(resource: string): boolean {
  return resource === 'servers' || resource.startsWith('group:');
}

/** `in 4 min`: whole minutes above one, so that it changes seldom. */
function inTime(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `in ${formatDuration(seconds < 60 ? Math.max(1, seconds) * 1000 : Math.round(seconds / 60) * 60_000)}`;
}
