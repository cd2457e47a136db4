// A registry over a temporary models directory, with real hooks and events and a log that tests can read.
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Config } from '../../dist/contract/config.js';
import type { EventType, LaminaEvent } from '../../dist/contract/events.js';
import type { Manifest } from '../../dist/contract/manifest.js';
import type { Clock, Logger } from '../../dist/contract/context.js';
import { systemClock } from '../../dist/kernel/clock.js';
import { EventBus } from '../../dist/kernel/event-bus.js';
import { Hooks } from '../../dist/kernel/hooks.js';
import { ModelRegistry } from '../../dist/models/registry.js';

/**
 * The result of {@link openTestRegistry}.
 */
export interface TestRegistry {
  readonly modelsDir: string;
  readonly registry: ModelRegistry;
  readonly config: Config;
  readonly log: Logger;
  readonly hooks: Hooks;
  readonly events: readonly LaminaEvent[];
  readonly warnings: readonly string[];
  /** Writes files below the models directory; a number is a length in zero bytes. */
  write(files: Readonly<Record<string, string | Buffer | number>>): Promise<void>;
  /** The next event of a type. */
  event<Type extends EventType>(type: Type): Promise<LaminaEvent<Type>>;
  /** Another registry over the same directories, as after a restart. */
  again(): ModelRegistry;
  /** Sets the time of a file to a fixed one long ago. */
  age(path: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * A load waits 250 ms for the headers of discovered models, which can be too short for a test on a busy
 * machine.
 */
const slowClock: Clock = {
  ...systemClock,
  after: (ms, run) => systemClock.after(ms === 250 ? 30_000 : ms, run),
};

/** Creates a models directory, and a registry for it that is not loaded yet. */
export async function openTestRegistry(options: { manifest?: string | Partial<Manifest> } = {}): Promise<TestRegistry> {
  const modelsDir = await mkdtemp(join(tmpdir(), 'lamina-models-'));
  const warnings: string[] = [];
  const log = recorder(warnings);
  const bus = new EventBus(systemClock, log);
  const events: LaminaEvent[] = [];
  bus.onAny((event) => events.push(event));
  const hooks = new Hooks(bus, log);
  const config = {
    modelsDir,
    dataDir: join(modelsDir, '.lamina'),
    mode: 'owner',
    manifest: options.manifest,
    env: {},
  } as unknown as Config;
  const registry = new ModelRegistry(config, bus, hooks, slowClock, log);
  return {
    modelsDir,
    registry,
    config,
    log,
    hooks,
    events,
    warnings,
    write: (files) => writeAll(modelsDir, files),
    event: (type) => bus.once(type, { signal: AbortSignal.timeout(15_000) }),
    again: () => new ModelRegistry(config, bus, new Hooks(bus, log), slowClock, log),
    age: (path) => utimes(join(modelsDir, path), 1_000_000_000, 1_000_000_000),
    async close() {
      await registry.dispose();
      bus.dispose();
      await rm(modelsDir, { recursive: true, force: true });
    },
  };
}

/** A log whose warnings tests can read. */
export function recorder(warnings: string[]): Logger {
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_data, message) => void warnings.push(message),
    error: (_data, message) => void warnings.push(message),
    child: () => log,
  };
  return log;
}

async function writeAll(directory: string, files: Readonly<Record<string, string | Buffer | number>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'number' ? Buffer.alloc(content) : content);
  }
}
