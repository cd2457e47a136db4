// The composition root: what is bound outside the modules of the layers, and the host's last word.
import { Container } from 'inversify';
import type { Config, LaminaOptions } from './contract/config.js';
import type { Registrations } from './contract/plugin.js';
import { downloadsModule } from './downloads/module.js';
import { SourceRegistry } from './downloads/sources.js';
import { systemClock } from './kernel/clock.js';
import { createLog } from './kernel/log.js';
import { kernelModule } from './kernel/module.js';
import { tokens } from './kernel/tokens.js';
import { modelsModule } from './models/module.js';
import { processModule } from './process/module.js';
import { BackendRegistry } from './runtime/backends.js';
import { runtimeModule } from './runtime/module.js';

/** A container for one Lamina; singletons throughout. */
export function createContainer(config: Config, options: LaminaOptions): Container {
  const container = new Container({ defaultScope: 'Singleton' });
  const log = typeof options.log === 'object' ? options.log : createLog(options.log);
  container.bind(tokens.Config).toConstantValue(config);
  container.bind(tokens.Log).toConstantValue(log);
  container.bind(tokens.Clock).toConstantValue(options.clock ?? systemClock);
  container.load(kernelModule, modelsModule, downloadsModule, processModule, runtimeModule);
  container.bind(tokens.Registrations).toResolvedValue(registrations, [BackendRegistry, SourceRegistry]);
  options.configure?.(container);
  return container;
}

function registrations(backends: BackendRegistry, sources: SourceRegistry): Registrations {
  return {
    addBackend: (type, plugin) => backends.add(type, plugin),
    addSource: (source, plugin) => sources.add(source, plugin),
  };
}
