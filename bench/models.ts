// The cost of many models: the start of a server with 0 and with N models, and the time until an edit of the
// manifest is applied. node bench/dist/models.js [N, default 300]
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLamina } from '@lamina/core';
import { tinyGguf } from '@lamina/testing';
import { median } from './median.js';

const rounds = 5;

if (process.argv[2] === 'start') await measureStart(process.argv[3]!);
else await main(Number(process.argv[2] ?? 300));

async function main(count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
  try {
    const { paths } = await tinyGguf(join(folder, 'tiny.gguf'));
    const [none, many] = [join(folder, 'none'), join(folder, 'many')];
    await makeModels(none, 0, paths[0]);
    await makeModels(many, count, paths[0]);
    const starts = Array.from({ length: rounds }, () => [startOf(none), startOf(many)] as const);
    const empty = median(starts.map(([start]) => start));
    const full = median(starts.map(([, start]) => start));
    console.log(`start without models   ${empty.toFixed(0)} ms`);
    console.log(`start with ${count} models  ${full.toFixed(0)} ms, ${(full - empty).toFixed(0)} ms later`);
    console.log(`an edit is seen after  ${(await measureEdits(many, count)).toFixed(0)} ms`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The start of a process with these models, in milliseconds. */
function startOf(modelsDir: string): number {
  const file = fileURLToPath(import.meta.url);
  return Number(execFileSync(process.execPath, [file, 'start', modelsDir], { encoding: 'utf8' }));
}

async function measureStart(modelsDir: string): Promise<void> {
  const began = performance.now();
  const lamina = await createLamina({ modelsDir, log: 'silent' });
  console.log(performance.now() - began);
  await lamina.close();
}

async function measureEdits(modelsDir: string, count: number): Promise<number> {
  const lamina = await createLamina({ modelsDir, log: 'silent' });
  const alive = setInterval(() => undefined, 1_000); // A watch alone does not keep the process alive.
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const seen = lamina.events.once('manifest.changed', { signal: AbortSignal.timeout(60_000) });
    const began = performance.now();
    await writeFile(join(modelsDir, 'models.yaml'), manifest(count, `edited ${round}`));
    await seen;
    times.push(performance.now() - began);
  }
  clearInterval(alive);
  await lamina.close();
  return median(times);
}

/** A models directory: hard links to one small file, and the manifest that lists them. */
async function makeModels(modelsDir: string, count: number, file: string): Promise<void> {
  await mkdir(modelsDir);
  for (let index = 0; index < count; index++) {
    await mkdir(join(modelsDir, `model-${index}`));
    await link(file, join(modelsDir, `model-${index}`, `Model-${index}-Q4_K_M.gguf`));
  }
  await writeFile(join(modelsDir, 'models.yaml'), manifest(count, 'everyday chat'));
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
  return count === 0 ? 'models: {}\n' : `models:\n${entries.join('')}`;
}
