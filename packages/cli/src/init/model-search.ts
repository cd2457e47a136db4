// Finds models that other programs keep on this machine: GGUF files, and the store of Ollama.
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CliIo } from '../cli-io.js';
import { homeFolder } from '../home-folder.js';

/** A GGUF file; of split weights the first one. */
export interface FoundFile {
  readonly path: string;
  /** Of all its parts. */
  readonly bytes: number;
}

/** A store of Ollama. */
export interface OllamaStore {
  readonly path: string;
  readonly models: number;
}

/** A folder, and how many levels of folders in it are searched. */
type Place = readonly [path: string, depth: number];

/** Folders of other programs are laid out as <publisher>/<model>/<file>, and deeper in that of Hugging Face. */
const programDepth = 5;
/** More than that are not models that somebody wants listed. */
const mostFiles = 200;

const shard = /-(\d{5})-of-(\d{5})\.gguf$/i;
/** Projectors and adapters, which are parts of models. */
const part = /(^|[-_.])(mmproj|lora|adapter|vocab)/i;

/** The GGUF files in the folders where people and other programs keep them. @throws the reason of the signal */
export async function findGgufFiles(env: CliIo['env'], signal: AbortSignal): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const [folder, depth] of placesIn(env)) await search(folder, depth, found, signal);
  return [...found.values()];
}

/** The stores of Ollama that have models. @throws the reason of the signal */
export async function findOllamaStores(env: CliIo['env'], signal: AbortSignal): Promise<readonly OllamaStore[]> {
  const { OLLAMA_MODELS: named } = env;
  const folders = named
    ? [named]
    : [join(homeFolder(env), '.ollama', 'models'), '/usr/share/ollama/.ollama/models', '/var/lib/ollama/models'];
  const stores: OllamaStore[] = [];
  for (const path of folders) {
    const models = await countFiles(join(path, 'manifests'), signal);
    if (models > 0) stores.push({ path, models });
  }
  return stores;
}

function placesIn(env: CliIo['env']): readonly Place[] {
  const home = homeFolder(env);
  const cache = env['XDG_CACHE_HOME'] || join(home, '.cache');
  const { HF_HUB_CACHE: hub, HF_HOME: huggingFace } = env;
  return [
    [join(home, 'models'), programDepth],
    [join(home, 'Downloads'), 1],
    [join(home, '.lmstudio', 'models'), programDepth],
    [join(cache, 'lm-studio', 'models'), programDepth],
    [hub || join(huggingFace || join(cache, 'huggingface'), 'hub'), programDepth],
  ];
}

async function search(folder: string, depth: number, found: Map<string, FoundFile>, signal: AbortSignal) {
  // A folder that cannot be read has nothing for us.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    signal.throwIfAborted();
    if (found.size >= mostFiles) return;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (depth > 0 && !entry.name.startsWith('.')) await search(path, depth - 1, found, signal);
    } else if (/\.gguf$/i.test(entry.name) && !part.test(entry.name)) await add(path, found);
  }
}

async function add(path: string, found: Map<string, FoundFile>): Promise<void> {
  const [, number, count] = shard.exec(path) ?? [];
  if (number !== undefined && Number(number) !== 1) return;
  const paths = Array.from({ length: Number(count ?? 1) }, (_, index) =>
    count === undefined ? path : path.replace(shard, `-${String(index + 1).padStart(5, '0')}-of-${count}.gguf`),
  );
  // Hugging Face's cache has links, and a link may lead nowhere.
  const files = await Promise.all(paths.map((one) => stat(one).catch(() => undefined)));
  if (files.some((file) => file?.isFile() !== true) || !(await isGguf(path))) return;
  const key = `${basename(path)} ${files[0]!.dev} ${files[0]!.ino}`;
  if (!found.has(key)) found.set(key, { path, bytes: files.reduce((sum, file) => sum + file!.size, 0) });
}

async function isGguf(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    return (await file.read(Buffer.alloc(4), 0, 4, 0)).buffer.toString('latin1') === 'GGUF';
  } finally {
    await file.close();
  }
}

async function countFiles(folder: string, signal: AbortSignal): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let count = 0;
  for (const entry of entries) {
    signal.throwIfAborted();
    if (entry.isDirectory()) count += await countFiles(join(folder, entry.name), signal);
    else if (!entry.name.startsWith('.')) count += 1;
  }
  return count;
}
