// Starts fake engines directly, without Lamina, and stops them.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fakeEngine, type FakeEngineOptions, type FakeEngineState } from '@lamina/testing';

/** A running fake engine. */
export interface SpawnedEngine {
  readonly child: ChildProcess;
  readonly url: string;
  /** Its output until it listened. */
  readonly lines: readonly string[];
  readonly exit: Promise<unknown[]>;
}

const running = new Set<ChildProcess>();

/** Stops what a test started; for `afterEach`. */
export async function endEngines(): Promise<void> {
  const cleanups = [...running].map(async (child) => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  running.clear();
  await Promise.all(cleanups);
}

/** Starts an engine and resolves when it prints its URL, or has ended. */
export async function spawnEngine(options: Partial<FakeEngineOptions> = {}): Promise<SpawnedEngine> {
  const { executable, args, env } = fakeEngine({ model: 'alpha', ...options });
  const child = spawn(executable, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  const lines: string[] = [];
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    const url = /^listening on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { child, url, lines, exit };
  }
  return { child, url: '', lines, exit };
}

/** Posts JSON and returns the response before its body is read. */
export function post(engine: SpawnedEngine, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    connection: 'close',
    ...(init.headers as Record<string, string> | undefined),
  };
  return fetch(engine.url + path, {
    ...init,
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A chat request with this content. */
export function chatWith(content: string, more: object = {}): object {
  return { messages: [{ role: 'user', content }], ...more };
}

/** The counters of the engine. */
export async function stateOf(engine: SpawnedEngine): Promise<FakeEngineState> {
  const response = await fetch(`${engine.url}/fake/state`, { headers: { connection: 'close' } });
  return (await response.json()) as FakeEngineState;
}
