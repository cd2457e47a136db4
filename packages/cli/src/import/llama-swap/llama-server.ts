// Maps a command line of llama-server to an entry for the backend llama.cpp. Flags without an option are passed on
// unchanged, so the engine is started in the same way.
import { basename, isAbsolute, resolve } from 'node:path';
import type { ModelEntry } from '@lamina/core';

type Value = string | number | boolean | readonly (string | number)[] | Readonly<Record<string, unknown>>;

/** How the value of a flag is read; `undefined`: the option does not have it. */
type Read = (text: string) => Value | undefined;

/** What a command line of llama-server says. */
export interface LlamaServer {
  readonly executable: string;
  readonly entry: ModelEntry;
}

const whole: Read = (text) => (/^\d+$/.test(text) ? Number(text) : undefined);
const count: Read = (text) => (/^[1-9]\d*$/.test(text) ? Number(text) : undefined);
const signed: Read = (text) => (/^(\d+|-1)$/.test(text) ? Number(text) : undefined);
const word: Read = (text) => text;
const oneOf =
  (...words: readonly string[]): Read =>
  (text) =>
    words.includes(text) ? text : undefined;
const layers: Read = (text) => oneOf('auto', 'all')(text) ?? whole(text);
const cacheType = oneOf('f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'iq4_nl', 'q5_0', 'q5_1');
const names: Read = (text) => text.split(',');
const proportions: Read = (text) => (/^[\d.]+([,/][\d.]+)*$/.test(text) ? text.split(/[,/]/).map(Number) : undefined);
const json: Read = (text) => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};

/** Flags with a value → option of the backend. */
const valued = tableOf<readonly [option: string, read: Read]>([
  [
    ['-c', '--ctx-size'],
    ['context_length', count],
  ],
  [
    ['-np', '--parallel'],
    ['parallel', count],
  ],
  [
    ['-ngl', '--gpu-layers', '--n-gpu-layers'],
    ['gpu_layers', layers],
  ],
  [
    ['-dev', '--device'],
    ['devices', names],
  ],
  [
    ['-ts', '--tensor-split'],
    ['tensor_split', proportions],
  ],
  [
    ['-sm', '--split-mode'],
    ['split_mode', oneOf('none', 'layer', 'row', 'tensor')],
  ],
  [
    ['-mg', '--main-gpu'],
    ['main_gpu', whole],
  ],
  [
    ['-ncmoe', '--n-cpu-moe'],
    ['cpu_moe_layers', whole],
  ],
  [
    ['-t', '--threads'],
    ['threads', count],
  ],
  [
    ['-b', '--batch-size'],
    ['batch_size', count],
  ],
  [
    ['-ub', '--ubatch-size'],
    ['ubatch_size', count],
  ],
  [
    ['-fa', '--flash-attn'],
    ['flash_attention', oneOf('on', 'off', 'auto')],
  ],
  [
    ['-ctk', '--cache-type-k'],
    ['cache_type_k', cacheType],
  ],
  [
    ['-ctv', '--cache-type-v'],
    ['cache_type_v', cacheType],
  ],
  [
    ['-cram', '--cache-ram'],
    ['cache_ram', signed],
  ],
  [['--pooling'], ['pooling', oneOf('none', 'mean', 'cls', 'last', 'rank')]],
  [['--chat-template'], ['chat_template', word]],
  [['--chat-template-kwargs'], ['chat_template_kwargs', json]],
  [['--reasoning-format'], ['reasoning_format', oneOf('none', 'deepseek', 'deepseek-legacy', 'auto')]],
  [['--reasoning-budget'], ['reasoning_budget', signed]],
]);

/** Flags without a value → option. */
const switches = tableOf<readonly [option: string, value: Value]>([
  [
    ['-cmoe', '--cpu-moe'],
    ['cpu_moe_layers', 'all'],
  ],
  [
    ['-fa', '--flash-attn'],
    ['flash_attention', 'on'],
  ], // As older builds have it.
  [['--no-mmap'], ['mmap', false]],
  [['--mlock'], ['mlock', true]],
  [
    ['--embedding', '--embeddings'],
    ['embeddings', true],
  ],
  [
    ['--rerank', '--reranking'],
    ['rerank', true],
  ],
  [['--jinja'], ['jinja', true]],
  [['--no-jinja'], ['jinja', false]],
  [['--no-mmproj'], ['projector', false]],
]);

/** Flags for a file → key of the entry. */
const files = tableOf<'path' | 'projector' | 'draft'>([
  [['-m', '--model'], 'path'],
  [['-mm', '--mmproj'], 'projector'],
  [['-md', '--model-draft'], 'draft'],
]);

/** Flags that Lamina sets itself, with a value. */
const own = ['--host', '--port', '-a', '--alias', '--api-key', '--api-key-file', '--log-colors'];
const ownSwitches = ['--no-webui', '--no-ui', '--offline'];

/** Flags with which llama-server is not what the backend expects: another address, other routes, files of its own. */
const foreign = new RegExp(
  `^(${[
    '--api-prefix',
    '--ssl-.*',
    '--reuse-port',
    '-hf.*',
    '--hf-.*',
    '-mu',
    '--model-url',
    '-dr',
    '--docker-repo',
    '--models-.*',
    '-hfd.*',
    '--fim-.*',
    '--gpt-oss-.*',
    '--embd-.*',
    '--vision-.*',
    '--version',
    '-h',
    '--help',
  ].join('|')})$`,
);

/**
 * The entry for the words of a command, whose relative paths are relative to `directory`; `undefined` when they are not
 * a command line of llama-server that can be mapped exactly.
 */
export function readLlamaServer(
  [program = '', ...args]: readonly string[],
  directory: string,
): LlamaServer | undefined {
  if (!/^llama-server([-_.\d][^/\\]*)?$/i.test(basename(program))) return undefined;
  if (args.some((arg) => foreign.test(arg))) return undefined;
  const options: Record<string, Value> = {};
  const paths: Record<string, string> = {};
  const extra: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const flag = args[index]!;
    const next = args[index + 1];
    const file = files.get(flag);
    const [option, read] = valued.get(flag) ?? [];
    const value = next === undefined ? undefined : read?.(next);
    if (file !== undefined && next !== undefined) paths[file] = absolute(next, directory);
    else if (option !== undefined && value !== undefined) options[option] = value;
    else if (own.includes(flag)) index += 1;
    else if (switches.has(flag)) options[switches.get(flag)![0]] = switches.get(flag)![1];
    else if (!ownSwitches.includes(flag)) extra.push(flag);
    if ((file !== undefined && next !== undefined) || (option !== undefined && value !== undefined)) index += 1;
  }
  const { path, ...others } = paths;
  if (path === undefined) return undefined;
  const all = { ...options, ...contextOf(options, extra), ...(extra.length === 0 ? {} : { extra_args: extra }) };
  return {
    executable: program.includes('/') ? absolute(program, directory) : program,
    entry: { path, ...others, ...(Object.keys(all).length === 0 ? {} : { options: withoutUndefined(all) }) },
  };
}

/** The flag is for all requests together, the option for each: one that cannot be divided is passed on. */
function contextOf(
  { context_length: total, parallel = 1 }: Readonly<Record<string, Value>>,
  extra: string[],
): { context_length?: number | undefined } {
  if (typeof total !== 'number' || typeof parallel !== 'number') return {};
  if (total % parallel === 0) return { context_length: total / parallel };
  extra.push('--ctx-size', String(total));
  return { context_length: undefined };
}

function withoutUndefined(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function absolute(path: string, directory: string): string {
  return isAbsolute(path) ? path : resolve(directory, path);
}

function tableOf<Value>(rows: readonly (readonly [readonly string[], Value])[]): ReadonlyMap<string, Value> {
  return new Map(rows.flatMap(([flags, value]) => flags.map((flag) => [flag, value] as const)));
}
