// The bindings of the layer runtime.
import { ContainerModule } from '../kernel/inversify.js';
import { make } from '../kernel/make.js';
import { tokens } from '../kernel/tokens.js';
import { BackendRegistry } from './backends.js';
import { EngineLogService } from './engine-logs.js';
import { Installations } from './installations.js';
import { Launcher } from './launcher.js';
import { Lifecycle } from './lifecycle.js';
import { LearnedMemory } from './learned-memory.js';
import { Memory } from './memory.js';
import { MemoryRequirements } from './memory-requirements.js';
import { MemorySampler } from './memory-sampler.js';
import { DefaultPolicy } from './policy.js';
import { WaitQueue } from './queue.js';
import { SlotRuntime } from './runtime.js';
import { Scheduler } from './scheduler.js';

export const runtimeModule = new ContainerModule(({ bind }) => {
  bind(tokens.Policy).toResolvedValue(make(DefaultPolicy), []);
  bind(EngineLogService).toResolvedValue(make(EngineLogService), [tokens.Models, tokens.Events]);
  bind(tokens.EngineLogs).toService(EngineLogService);
  bind(Memory).toResolvedValue(make(Memory), [tokens.Config, tokens.Models, tokens.SystemMemory]);
  bind(LearnedMemory).toResolvedValue(make(LearnedMemory), [tokens.Config, tokens.Clock, tokens.Log]);
  bind(MemorySampler).toResolvedValue(make(MemorySampler), [tokens.SystemMemory, Memory, LearnedMemory, tokens.Clock]);
  bind(MemoryRequirements).toResolvedValue(make(MemoryRequirements), [
    tokens.Config,
    Memory,
    LearnedMemory,
    tokens.OrphanReaper,
    tokens.Log,
  ]);
  bind(Installations).toResolvedValue(make(Installations), [
    tokens.Config,
    tokens.OrphanReaper,
    tokens.Events,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(BackendRegistry).toResolvedValue(make(BackendRegistry), [
    tokens.Config,
    tokens.Models,
    Installations,
    Memory,
    tokens.Hooks,
    tokens.Log,
  ]);
  bind(tokens.Backends).toService(BackendRegistry);
  bind(Launcher).toResolvedValue(make(Launcher), [
    tokens.Config,
    tokens.Models,
    BackendRegistry,
    Installations,
    MemoryRequirements,
    MemorySampler,
    tokens.Hooks,
    tokens.Events,
    tokens.OrphanReaper,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(WaitQueue).toResolvedValue(make(WaitQueue), [tokens.Config, tokens.Hooks, tokens.Clock, tokens.Log]);
  bind(Lifecycle).toResolvedValue(make(Lifecycle), [
    tokens.Config,
    Launcher,
    WaitQueue,
    tokens.Hooks,
    tokens.Events,
    tokens.Policy,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(Scheduler).toResolvedValue(make(Scheduler), [
    tokens.Config,
    tokens.Models,
    Memory,
    WaitQueue,
    Lifecycle,
    tokens.Hooks,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(SlotRuntime).toResolvedValue(make(SlotRuntime), [
    tokens.Config,
    tokens.Models,
    Launcher,
    Memory,
    Scheduler,
    WaitQueue,
    Lifecycle,
    tokens.Events,
    tokens.Clock,
  ]);
  bind(tokens.Runtime).toService(SlotRuntime);
});
