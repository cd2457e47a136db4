// The bindings of the layer models.
import { ContainerModule } from '../kernel/inversify.js';
import { make } from '../kernel/make.js';
import { tokens } from '../kernel/tokens.js';
import { ModelRegistry } from './registry.js';
import { Suggester } from './suggest.js';

export const modelsModule = new ContainerModule(({ bind }) => {
  bind(ModelRegistry).toResolvedValue(make(ModelRegistry), [
    tokens.Config,
    tokens.Events,
    tokens.Hooks,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(tokens.Models).toService(ModelRegistry);
  bind(tokens.Suggestions).toResolvedValue(make(Suggester), [
    tokens.Models,
    tokens.Backends,
    tokens.Runtime,
    tokens.Hooks,
    tokens.Log,
  ]);
});
