// What a model needs when it starts: what it took before, else what its engine says, else what is computed.
import type { Machine, MemoryEstimate } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Logger } from '../contract/context.js';
import type { Model } from '../contract/models.js';
import type { OrphanReaper } from '../contract/processes.js';
import { fileBytes } from '../kernel/file-bytes.js';
import { reasonOf } from '../kernel/reason.js';
import { unknownNeedOf } from '../kernel/unknown-need.js';
import type { BackendInstance } from './backend-instance.js';
import type { ChosenBackend } from './backends.js';
import type { LearnedMemory } from './learned-memory.js';
import type { Memory, StartMemory } from './memory.js';

type Options = Readonly<Record<string, unknown>>;
type Need = Omit<StartMemory, 'key'>;

/** Determines what starts need; holds no state. */
export class MemoryRequirements {
  constructor(
    private readonly config: Config,
    private readonly memory: Memory,
    private readonly learned: LearnedMemory,
    private readonly processes: OrphanReaper,
    private readonly log: Logger,
  ) {}

  /** What a start needs, and its options with those that keep it to that. @throws the signal's reason */
  async of(
    { model: base, adapters, options }: { model: Model; adapters: readonly Model[]; options: Options },
    { instance, version, devices }: ChosenBackend,
    signal: AbortSignal,
  ): Promise<{ readonly memory: StartMemory; readonly options: Options }> {
    const model = { ...base, files: [base, ...adapters].flatMap(({ files }) => files) };
    this.memory.seen(devices);
    const machine = this.memory.machine(devices);
    const estimate = await instance.backend.estimateMemory?.(model, options, machine);
    const all = { ...estimate?.options, ...options };
    const files = model.files.map(({ path, bytes }) => [path, bytes]);
    const key = this.learned.keyOf([files, instance.type.type, version, all]);
    const learned = this.learned.need(key, machine.totalBytes);
    const said =
      learned === undefined ? await this.saidByEngine(instance, { model, all, machine, estimate, signal }) : undefined;
    const need = needOf(model, estimate, said);
    const corrected = learned === undefined ? need : { ...need, hardBytes: learned, basis: 'learned' as const };
    return { memory: { ...corrected, key }, options: all };
  }

  /** What the engine says that it will need; `undefined` when it does not. */
  private async saidByEngine(
    { name, backend }: BackendInstance,
    about: {
      model: Model;
      all: Options;
      machine: Machine;
      estimate: MemoryEstimate | undefined;
      signal: AbortSignal;
    },
  ): Promise<MemoryEstimate | undefined> {
    const { model, all, machine, estimate, signal } = about;
    try {
      return await backend.measureMemory?.(model, all, {
        signal,
        log: this.log,
        env: this.config.env,
        machine,
        estimate,
        guard: (pid) => this.processes.guard(pid, { model: model.name }),
      });
    } catch (error) {
      signal.throwIfAborted();
      this.log.debug(
        { model: model.name, backend: name, reason: reasonOf(error) },
        'The engine did not say what it needs',
      );
      return undefined;
    }
  }
}

function needOf(model: Model, estimate: MemoryEstimate | undefined, said: MemoryEstimate | undefined): Need {
  if (said !== undefined) return { ...startMemory(said), basis: 'engine' };
  if (estimate !== undefined) return { ...startMemory(estimate), basis: 'estimate' };
  return { hardBytes: unknownNeedOf(fileBytes(model)), mappedBytes: 0, deviceBytes: {}, basis: 'unknown' };
}

function startMemory({
  hostBytes,
  mappedBytes = 0,
  deviceBytes,
  asleep,
  contextLength,
  largestContext,
}: MemoryEstimate): Omit<Need, 'basis'> {
  return {
    hardBytes: hostBytes,
    mappedBytes,
    deviceBytes,
    contextLength,
    ...(asleep === undefined ? {} : { asleep }),
    ...(largestContext === undefined ? {} : { largestContext }),
  };
}
