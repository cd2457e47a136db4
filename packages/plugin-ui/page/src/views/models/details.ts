// All facts about a model, as a list of terms.
import type { ModelDetail, PsModel } from '@lamina/core/protocol';
import { formatBytes, formatDate, formatNumber } from '../../format.js';
import { memoryText } from './sentences.js';

/** A term and what it is, as text. */
export type Fact = readonly [term: string, text: string];

/** Keys of an entry that have a line of their own above, or that only programs need. */
const shown = new Set(
  [
    ['description', 'bytes', 'size', 'available', 'active', 'state', 'runs_on', 'cannot_run', 'backend', 'aliases'],
    ['quantization', 'options', 'limits', 'context_length', 'capabilities', 'memory', 'metadata', 'missing', 'error'],
    ['retry_at', 'server', 'path', 'pinned', 'preload', 'use_cases'],
  ].flat(),
);

/** The facts that are known of a model, in the order in which they are shown. */
export function detailFacts(detail: ModelDetail, run: PsModel | undefined): readonly Fact[] {
  const { metadata = {}, memory, server } = detail;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Engine', run?.backend ?? detail.runs_on ?? detail.backend],
    ['Context', tokens(detail.context_length)],
    ['Trained for', metadata.context_length === detail.context_length ? undefined : tokens(metadata.context_length)],
    ['Can', list(detail.capabilities)],
    ['Architecture', metadata.architecture],
    ['Parameters', metadata.parameters === undefined ? undefined : formatNumber(metadata.parameters)],
    ['Quantization', detail.quantization],
    ['Size on disk', detail.bytes === 0 ? detail.size?.toString() : formatBytes(detail.bytes)],
    ['Needs', memory === undefined ? undefined : `${formatBytes(memory.bytes)} for ${tokens(memory.context_length)}`],
    ['Holds', run === undefined ? undefined : memoryText(run)],
    ['Started', server?.started_at === undefined ? undefined : formatDate(server.started_at)],
    ['Process', server?.pid?.toString()],
    ['Path', detail.path],
    ['Aliases', list(detail.aliases)],
    ['Used for', list(detail.use_cases)],
    ['Pinned', detail.pinned === true ? 'yes: never stopped for another model, nor when idle' : undefined],
    ['Preloaded', detail.preload === true ? 'yes: loaded when Lamina starts' : undefined],
    ['Options', json(detail.options)],
    ['Limits', json(detail.limits)],
    ...Object.entries(detail)
      .filter(([key]) => !shown.has(key))
      .map(([key, value]) => [key, typeof value === 'string' ? value : json(value)] as const),
  ];
  return facts.flatMap(([term, text]) => (text === undefined || text === '' ? [] : [[term, text] as const]));
}

function tokens(count: number | undefined): string | undefined {
  return count === undefined ? undefined : `${formatNumber(count)} tokens`;
}

function list(values: readonly string[] | undefined): string | undefined {
  return values?.join(', ');
}

function json(value: unknown): string | undefined {
  return value === undefined || value === null
    ? undefined
    : JSON.stringify(value, undefined, 1).replace(/\s*\n\s*/g, ' ');
}
