// Engines besides llama.cpp for system tests: a stand-in for MLC-LLM, the real vLLM, and an external llama-server.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mlc } from '@lamina/plugin-mlc';
import { vllm } from '@lamina/plugin-vllm';
import { llamaServer } from './engine.js';
import { root } from './root.js';

/** Imports a test module of a package. */
function fromTestsOf<T>(folder: string, file: string): Promise<T> {
  return import(pathToFileURL(join(root, 'packages', folder, 'dist-test', file)).href) as Promise<T>;
}

const { writeModel } = await fromTestsOf<{ writeModel(directory: string, sentence: string): Promise<void> }>(
  'plugin-mlc',
  'model.js',
);
const { writeTinyModel } = await fromTestsOf<{ writeTinyModel(directory: string): Promise<void> }>(
  'plugin-vllm',
  'tiny-model.js',
);
const { realVllm, smallOptions } = await fromTestsOf<{
  realVllm: string | undefined;
  smallOptions(folder: string): object;
}>('plugin-vllm', 'real-vllm.js');

/** Why the stand-in for MLC-LLM, a Python program, cannot run. */
export const withoutMlc =
  spawnSync('python3', ['-c', 'import venv'], { stdio: 'ignore' }).status === 0
    ? undefined
    : 'there is no python3 with venv in PATH';

/** Why vLLM cannot run. */
export const withoutVllm = realVllm === undefined ? 'there is no vllm in PATH, and LAMINA_VLLM names none' : undefined;

/** Installs the stand-in in a folder; its models answer `I am <name>.` */
export function standInForMlc(folder: string) {
  const installer = join(root, 'packages/plugin-mlc/test/stand-in/install.sh');
  const executable = execFileSync('sh', [installer, join(folder, 'mlc')], { encoding: 'utf8' }).trim();
  return {
    plugin: mlc({ executable, device: 'cpu' }),
    env: { MLC_LLM_HOME: join(folder, 'mlc-home'), MLC_TEMP_DIR: folder },
    write: (directory: string, name: string) => writeModel(directory, `I am ${name}.`),
  };
}

/**
 * The real vLLM with its temporary files in a folder. Its model has random weights, so its responses are
 * meaningless.
 */
export function theRealVllm(folder: string) {
  return {
    plugin: vllm({ executable: realVllm!, ...smallOptions(folder) }),
    write: (directory: string) => writeTinyModel(directory),
  };
}

/** A llama-server that Lamina did not start, like a remote server. */
export async function foreignLlama(path: string, key: string): Promise<{ baseUrl: string; end(): Promise<void> }> {
  const child = spawn(
    llamaServer!,
    ['--model', path, '--port', '0', '--host', '127.0.0.1', '-t', '1', '-c', '1024', '--offline'],
    { env: { ...process.env, LLAMA_API_KEY: key }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(child, 'exit');
  let output = '';
  const origin = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const found = /listening on (http:\/\/[^\s/]+)/.exec((output += text))?.[1];
      if (found !== undefined) resolve(found);
    });
    void exited.then(() => reject(new Error(`llama-server exited:\n${output}`)));
  });
  return {
    baseUrl: `${origin}/v1`,
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
