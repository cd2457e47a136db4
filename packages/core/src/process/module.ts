// The bindings of the layer process.
import { ContainerModule } from 'inversify';
import { tokens } from '../kernel/tokens.js';
import { ProcessKeeper } from './keeper.js';

export const processModule = new ContainerModule(({ bind }) => {
  bind(ProcessKeeper).toResolvedValue(
    ({ dataDir }, log) => new ProcessKeeper({ dataDir, log }),
    [tokens.Config, tokens.Log],
  );
  bind(tokens.Processes).toService(ProcessKeeper);
});
