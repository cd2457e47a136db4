// The composition root: the bindings outside the modules of the layers, and the host's replacements.
import type { BindToFluentSyntax, ServiceIdentifier } from 'inversify';
import type { Config, LaminaOptions } from './contract/config.js';
import { LaminaError } from './contract/errors.js';
import type { Registrations } from './contract/plugin.js';
import { downloadsModule } from './downloads/module.js';
import { SourceRegistry } from './downloads/source-registry.js';
import { inferenceModule } from './inference/module.js';
import { systemClock } from './kernel/clock.js';
import { Container } from './kernel/inversify.js';
import { createLog } from './kernel/log.js';
import { kernelModule } from './kernel/module.js';
import { tokens } from './kernel/tokens.js';
import { modelsModule } from './models/module.js';
import { processModule } from './process/module.js';
import { BackendRegistry } from './runtime/backends.js';
import { runtimeModule } from './runtime/module.js';

/** Refuses a second binding of a token, which inversify would report only when something is resolved. */
class LaminaContainer extends Container {
  override bind<T>(token: ServiceIdentifier<T>): BindToFluentSyntax<T> {
    if (!this.isBound(token)) return super.bind(token);
    const name = Object.entries(tokens).find(([, known]) => known === token)?.[0];
    const written = name === undefined ? 'token' : `tokens.${name}`;
    throw new LaminaError('CONFIG_INVALID', {
      message: `configure binds ${name === undefined ? String(token) : written}, which is already bound. To replace it, write container.rebind(${written}).`,
    });
  }
}

/**
 * A container for one Lamina; singletons throughout.
 * @throws LaminaError `CONFIG_INVALID` when `configure` binds a token twice or returns a promise
 */
export function createContainer(config: Config, options: LaminaOptions): Container {
  const container = new LaminaContainer({ defaultScope: 'Singleton' });
  const log = typeof options.log === 'object' ? options.log : createLog(options.log);
  container.bind(tokens.Config).toConstantValue(config);
  container.bind(tokens.Log).toConstantValue(log);
  container.bind(tokens.Clock).toConstantValue(options.clock ?? systemClock);
  container.load(kernelModule, modelsModule, downloadsModule, processModule, runtimeModule, inferenceModule);
  container.bind(tokens.Registrations).toResolvedValue(registrations, [BackendRegistry, SourceRegistry]);
  const returned: unknown = options.configure?.(container);
  if (returned instanceof Promise) {
    returned.catch(() => undefined);
    throw new LaminaError('CONFIG_INVALID', {
      message:
        'configure returned a promise, but it must be synchronous. Await what it needs before you call createLamina.',
    });
  }
  return container;
}

function registrations(backends: BackendRegistry, sources: SourceRegistry): Registrations {
  return {
    addBackend: (type, plugin) => backends.add(type, plugin),
    addSource: (source, plugin) => sources.add(source, plugin),
  };
}
