// The bindings of the downloads layer.
import { ContainerModule } from '../kernel/inversify.js';
import { make } from '../kernel/make.js';
import { tokens } from '../kernel/tokens.js';
import { DownloadService } from './downloads.js';
import { SourceRegistry } from './source-registry.js';
import { HttpClient } from './transfer/http.js';

export const downloadsModule = new ContainerModule(({ bind }) => {
  bind(SourceRegistry).toResolvedValue(make(SourceRegistry), []);
  bind(HttpClient).toResolvedValue(
    ({ env, downloads }) => new HttpClient(env, downloads.allowedHosts),
    [tokens.Config],
  );
  bind(DownloadService).toResolvedValue(make(DownloadService), [
    tokens.Config,
    tokens.Models,
    tokens.Backends,
    SourceRegistry,
    tokens.Hooks,
    tokens.Events,
    HttpClient,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(tokens.Downloads).toService(DownloadService);
});
