// The bindings of the layer process.
import { ContainerModule } from '../kernel/inversify.js';
import { tokens } from '../kernel/tokens.js';
import { OrphanReaper } from './orphan-reaper.js';
import { systemMemory } from './system-memory.js';

export const processModule = new ContainerModule(({ bind }) => {
  bind(OrphanReaper).toResolvedValue(
    ({ dataDir }, log) => new OrphanReaper({ dataDir, log }),
    [tokens.Config, tokens.Log],
  );
  bind(tokens.SystemMemory).toResolvedValue(() => systemMemory(), []);
  bind(tokens.OrphanReaper).toService(OrphanReaper);
});
