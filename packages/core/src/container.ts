// Every binding, and the only file that names implementations.
import { Container } from 'inversify';
import type { Config, LaminaOptions } from './contract/config.js';
import type { Registrations } from './contract/plugin.js';
import { DownloadService } from './downloads/downloads.js';
import { SourceRegistry } from './downloads/sources.js';
import { HttpClient } from './downloads/transfer/http.js';
import { systemClock } from './kernel/clock.js';
import { EventBus } from './kernel/event-bus.js';
import { Hooks } from './kernel/hooks.js';
import { createLog } from './kernel/log.js';
import { PluginHost } from './kernel/plugin-host.js';
import { tokens } from './kernel/tokens.js';
import { ModelRegistry } from './models/registry.js';
import { Suggester } from './models/suggest.js';
import { ProcessKeeper } from './process/keeper.js';
import { BackendRegistry } from './runtime/backends.js';
import { Launcher } from './runtime/launcher.js';
import { DefaultPolicy } from './runtime/policy.js';
import { RequestGate } from './runtime/requests.js';
import { SlotRuntime } from './runtime/runtime.js';

/** A container for one Lamina; singletons throughout. The host's `configure` has the last word. */
export function createContainer(config: Config, options: LaminaOptions): Container {
  const container = new Container({ defaultScope: 'Singleton' });
  const log = typeof options.log === 'object' ? options.log : createLog(options.log);
  container.bind(tokens.Config).toConstantValue(config);
  container.bind(tokens.Log).toConstantValue(log);
  container.bind(tokens.Clock).toConstantValue(options.clock ?? systemClock);
  container
    .bind(tokens.Events)
    .toResolvedValue((clock, logger) => new EventBus(clock, logger), [tokens.Clock, tokens.Log]);
  container
    .bind(tokens.Hooks)
    .toResolvedValue((events, logger) => new Hooks(events, logger), [tokens.Events, tokens.Log]);
  container.bind(PluginHost).toSelf();
  container.bind(tokens.Policy).to(DefaultPolicy);
  container.bind(ModelRegistry).toSelf();
  container.bind(tokens.Models).toService(ModelRegistry);
  container.bind(tokens.Suggestions).to(Suggester);
  container
    .bind(ProcessKeeper)
    .toResolvedValue(
      (bound, logger) => new ProcessKeeper({ dataDir: bound.dataDir, log: logger }),
      [tokens.Config, tokens.Log],
    );
  container.bind(tokens.Processes).toService(ProcessKeeper);
  container.bind(BackendRegistry).toSelf();
  container.bind(tokens.Backends).toService(BackendRegistry);
  container.bind(SourceRegistry).toSelf();
  container
    .bind(HttpClient)
    .toResolvedValue((bound) => new HttpClient(bound.env, bound.downloads.allowedHosts), [tokens.Config]);
  container.bind(DownloadService).toSelf();
  container.bind(tokens.Downloads).toService(DownloadService);
  container.bind(tokens.Registrations).toResolvedValue(registrations, [BackendRegistry, SourceRegistry]);
  container.bind(Launcher).toSelf();
  container.bind(SlotRuntime).toSelf();
  container.bind(tokens.Runtime).toService(SlotRuntime);
  container.bind(tokens.Requests).to(RequestGate);
  options.configure?.(container);
  return container;
}

function registrations(backends: BackendRegistry, sources: SourceRegistry): Registrations {
  return {
    addBackend: (type, plugin) => backends.add(type, plugin),
    addSource: (source, plugin) => sources.add(source, plugin),
  };
}
