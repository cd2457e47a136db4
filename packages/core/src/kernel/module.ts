// The bindings of the kernel.
import { ContainerModule } from './inversify.js';
import { EventBus } from './event-bus.js';
import { Hooks } from './hooks.js';
import { make } from './make.js';
import { PluginHost } from './plugin-host.js';
import { tokens } from './tokens.js';

export const kernelModule = new ContainerModule(({ bind }) => {
  bind(tokens.Events).toResolvedValue(make(EventBus), [tokens.Clock, tokens.Log]);
  bind(tokens.Hooks).toResolvedValue(make(Hooks), [tokens.Events, tokens.Log]);
  bind(PluginHost).toResolvedValue(make(PluginHost), [
    tokens.Config,
    tokens.Hooks,
    tokens.Events,
    tokens.Registrations,
    tokens.Models,
    tokens.Inference,
    tokens.Runtime,
    tokens.EngineLogs,
    tokens.Clock,
    tokens.Log,
  ]);
});
