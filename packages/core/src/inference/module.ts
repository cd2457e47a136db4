// The bindings of the layer inference.
import { ContainerModule } from '../kernel/inversify.js';
import { make } from '../kernel/make.js';
import { tokens } from '../kernel/tokens.js';
import { InferenceService } from './inference.js';
import { InferenceRequests } from './request.js';

export const inferenceModule = new ContainerModule(({ bind }) => {
  bind(InferenceRequests).toResolvedValue(make(InferenceRequests), [
    tokens.Config,
    tokens.Models,
    tokens.Runtime,
    tokens.Hooks,
    tokens.Events,
    tokens.Clock,
    tokens.Log,
  ]);
  bind(InferenceService).toResolvedValue(make(InferenceService), [InferenceRequests]);
  bind(tokens.Inference).toService(InferenceService);
});
