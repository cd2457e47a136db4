// The names under which the container binds the services. Interface and token share a name.
import type { ServiceIdentifier } from 'inversify';
import type { Backends } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import type { Downloads } from '../contract/downloads.js';
import type { EngineLogs } from '../contract/logs.js';
import type { Inference } from '../contract/inference.js';
import type { Models } from '../contract/models.js';
import type { Registrations } from '../contract/plugin.js';
import type { OrphanReaper, SystemMemory } from '../contract/processes.js';
import type { Policy } from '../contract/policy.js';
import type { Runtime } from '../contract/runtime.js';
import type { Suggestions } from '../contract/suggestions.js';
import type { EventBus } from './event-bus.js';
import type { Hooks } from './hooks.js';

function token<T>(name: string): ServiceIdentifier<T> {
  return Symbol.for(`@lamina/core/${name}`) as ServiceIdentifier<T>;
}

/** Tokens a host may rebind in `createLamina({ configure })`. */
export const tokens = Object.freeze({
  Config: token<Config>('Config'),
  Log: token<Logger>('Log'),
  Clock: token<Clock>('Clock'),
  Events: token<EventBus>('Events'),
  Hooks: token<Hooks>('Hooks'),
  Registrations: token<Registrations>('Registrations'),
  Models: token<Models>('Models'),
  Suggestions: token<Suggestions>('Suggestions'),
  Backends: token<Backends>('Backends'),
  OrphanReaper: token<OrphanReaper>('OrphanReaper'),
  SystemMemory: token<SystemMemory>('SystemMemory'),
  EngineLogs: token<EngineLogs>('EngineLogs'),
  Policy: token<Policy>('Policy'),
  Downloads: token<Downloads>('Downloads'),
  Runtime: token<Runtime>('Runtime'),
  Inference: token<Inference>('Inference'),
});
