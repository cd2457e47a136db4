// What many models cost: 10, 1,000 and 10,000 of them on disk and in a manifest, beside bare stat calls.
// node bench/dist/models.js [counts…]
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tinyGguf } from '@lamina/testing';
import type { Command, Measured } from './models-server.js';

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 1_000, 10_000];
const server = fileURLToPath(new URL('./models-server.js', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  /** From the start of the process until it listens. */
  readonly startMs: number;
  /** Processor time in that, which a busy machine changes less. */
  readonly cpuMs: number;
}

const directory = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
try {
  const none = await library(0);
  const starts = [await startAndStop(none), await startAndStop(none), await startAndStop(none)].sort(
    (a, b) => a.cpuMs - b.cpuMs,
  );
  const empty = starts[1]!;
  console.log(`empty manifest: listening after ${showStart(empty)}`);
  for (const count of counts) await measure(count, empty);
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function measure(count: number, empty: Running): Promise<void> {
  const place = await library(count);
  const first = await startAndStop(place);
  const running = await start(place);
  console.log(`\n${count} models`);
  const later = ({ startMs, cpuMs }: Running) =>
    showStart({ startMs: startMs - empty.startMs, cpuMs: cpuMs - empty.cpuMs });
  console.log(`  listening later than with an empty manifest: ${later(first)}; at the second start ${later(running)}`);
  show('GET /models', await repeat(running, 5, () => fetchAll(`${running.url}/models`)));
  const files = Array.from({ length: count }, (_, index) => fileOf(place, index));
  const bare = await median(5, () => timed(() => Promise.all(files.map((file) => stat(file)))));
  console.log(`  ${'bare stat calls'.padEnd(22)}${bare.toFixed(0).padStart(6)} ms`);
  show('validate, first', await ask(running, 'validate'));
  show('validate, again', await ask(running, 'validate'));
  show('suggest', await ask(running, 'suggest'));
  for (const turn of [1, 2, 3]) show(`hand edit ${turn}`, await edit(running, place, count, turn));
  const { memoryBytes } = await ask(running, 'idle');
  console.log(`  ${'memory'.padEnd(22)}${(memoryBytes / 1e6).toFixed(0).padStart(6)} MB`);
  await stop(running);
}

/** Time of one edit of the file until the models are those of the new text, the quiet time of the watch included. */
async function edit(running: Running, place: string, count: number, turn: number): Promise<Measured> {
  const changed = ask(running, 'changed');
  await writeFile(join(place, 'models.yaml'), manifest(count, `edited ${turn}`));
  return changed;
}

async function repeat(running: Running, times: number, run: () => Promise<unknown>): Promise<Measured> {
  await run();
  await ask(running, 'idle');
  const ms = await median(times, () => timed(run));
  return { ...(await ask(running, 'idle')), ms };
}

function showStart({ startMs, cpuMs }: Pick<Running, 'startMs' | 'cpuMs'>): string {
  return `${startMs.toFixed(0)} ms (${cpuMs.toFixed(0)} ms of processor time)`;
}

function show(what: string, { ms, loopP99Ms, loopMaxMs }: Measured): void {
  if (ms >= 0)
    console.log(
      `  ${what.padEnd(22)}${ms.toFixed(0).padStart(6)} ms, event loop late by ${loopP99Ms.toFixed(1)} ms (p99), ${loopMaxMs.toFixed(1)} ms (most)`,
    );
  else console.log(`  ${what.padEnd(22)}     – this Lamina does not have it`);
}

/** A models directory with so many models, all the same small file under links, and the manifest that names them. */
async function library(count: number): Promise<string> {
  const place = join(directory, `models-${count}`);
  await mkdir(place, { recursive: true });
  const { paths } = await tinyGguf(join(directory, `tiny-${count}.gguf`));
  for (let index = 0; index < count; index++) {
    await mkdir(join(place, `model-${index}`), { recursive: true });
    await link(paths[0], fileOf(place, index)).catch(
      (error: NodeJS.ErrnoException) => error.code === 'EEXIST' || Promise.reject(error),
    );
  }
  await writeFile(join(place, 'models.yaml'), manifest(count, 'everyday chat'));
  return place;
}

function fileOf(place: string, index: number): string {
  return join(place, `model-${index}`, `Model-${index}-Q4_K_M.gguf`);
}

function manifest(count: number, description: string): string {
  const entries = Array.from(
    { length: count },
    (_, index) => `  model-${index}:
    path: model-${index}/Model-${index}-Q4_K_M.gguf   # relative to the models directory
    backend: llama.cpp
    size: "2.0GB"
    description: "${index === 0 ? description : 'everyday chat'}"
    quantization: "Q4_K_M"
    use_cases: [conversational]
    download:
      huggingface: { repo_id: "org/model-${index}-GGUF", filename: "Model-${index}-Q4_K_M.gguf" }
      ollama: { model: "model:${index}" }
`,
  );
  return count === 0 ? 'models: {}\n' : `models:\n${entries.join('')}defaults:\n  conversational: model-0\n`;
}

async function start(place: string): Promise<Running> {
  const child = fork(server, [place], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [told] = (await once(child, 'message')) as [Omit<Running, 'child'>];
  return { child, ...told };
}

async function startAndStop(place: string): Promise<Running> {
  const running = await start(place);
  await stop(running);
  return running;
}

async function stop({ child }: Running): Promise<void> {
  child.send('stop' satisfies Command);
  await once(child, 'exit');
}

async function ask({ child }: Running, command: Command): Promise<Measured> {
  const answered = once(child, 'message');
  child.send(command);
  return ((await answered) as [Measured])[0];
}

async function fetchAll(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

async function median(times: number, run: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let turn = 0; turn < times; turn++) all.push(await run());
  return all.sort((a, b) => a - b)[Math.floor(times / 2)]!;
}
