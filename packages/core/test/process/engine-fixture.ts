// Shared by the tests of this folder: a backend of scripted engines, its recorded output, and a close that
// checks that nothing is left.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend, ModelServer, StartContext } from '../../dist/contract/backends.js';
import type { Model } from '../../dist/contract/models.js';
import type { Schema } from '../../dist/contract/schema.js';
import type { Logger } from '../../dist/contract/context.js';
import type { ProcessBackendDescription } from '../../dist/process/description.js';
import { processBackend } from '../../dist/process/process-backend.js';
import { groupIsGone } from '../../dist/process/process-table.js';
import { engineFile, type EngineScript } from './engine.js';

export const model: Model = {
  name: 'tiny',
  files: [],
  format: 'test',
  aliases: [],
  options: {},
  pinned: false,
  limits: {},
  from: 'manifest',
};

export const never: AbortSignal = new AbortController().signal;

type Description = ProcessBackendDescription<Schema, Schema>;

/** A logger that passes on the message of each line. */
export function testLog(onMessage: (message: string) => void = () => undefined): Logger {
  const write = (_: object, message: string) => onMessage(message);
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

/** Engines of one test. */
export class EngineFixture {
  readonly lines: string[] = [];
  readonly stages: string[] = [];
  readonly logged: string[] = [];
  readonly guarded = new Set<number>();
  readonly pids: number[] = [];
  readonly ports: number[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly servers: ModelServer[] = [];

  /** A backend whose engines follow the script. */
  backend(script: EngineScript, own: Partial<Description> = {}): Backend {
    const type = processBackend({
      type: 'scripted',
      formats: ['test'],
      executable: process.execPath,
      version: false,
      ready: '/health',
      command: ({ port, key }) => {
        this.ports.push(port);
        return { args: [engineFile, JSON.stringify(script), String(port)], env: { ENGINE_KEY: key } };
      },
      ...own,
    });
    return type.create('scripted', {});
  }

  context(signal: AbortSignal = never): StartContext {
    return {
      signal,
      env: { PATH: process.env['PATH'] },
      log: testLog((sentence) => this.logged.push(sentence)),
      options: {},
      adapters: [],
      progress: ({ stage }) => this.stages.push(stage),
      output: (_, text) => this.onLine(text),
      guard: (pid) => {
        this.pids.push(pid);
        this.guarded.add(pid);
        return () => this.guarded.delete(pid);
      },
    };
  }

  async start(script: EngineScript, own: Partial<Description> = {}, signal: AbortSignal = never): Promise<ModelServer> {
    const server = await this.backend(script, own).start(model, this.context(signal));
    this.servers.push(server);
    return server;
  }

  /** The error a start ends with. */
  async failure(
    script: EngineScript,
    own: Partial<Description> = {},
    signal: AbortSignal = never,
  ): Promise<{ message: string; code: string; details: Record<string, unknown> }> {
    return this.start(script, own, signal).then(
      () => assert.fail('the start should have failed'),
      (error: unknown) => error as never,
    );
  }

  /** The first line that matches, already printed or printed later. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  /** The pid of the engine's child, once the engine has printed it. */
  async grandchild(): Promise<number> {
    return Number((await this.line(/^grandchild \d+$/)).split(' ')[1]);
  }

  /** No process of any engine is alive, and the guard was notified. */
  async assertNothingLeft(): Promise<void> {
    for (const pid of this.pids) assert.ok(await groupIsGone(pid), `the group of ${pid} still exists`);
    assert.deepEqual([...this.guarded], []);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop({ reason: 'shutdown', signal: AbortSignal.abort() })));
    await this.assertNothingLeft();
  }

  private onLine(text: string): void {
    this.lines.push(text);
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }
}

/** True while a process lives; a zombie does not. */
export async function isAlive(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return signalled(pid);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

/** Resolves when a process that is not a child of this one has ended; the system has no event for that. */
export async function untilGone(pid: number): Promise<void> {
  while (await isAlive(pid)) await delay(10);
}

function signalled(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
