// The names under which the container binds the services. Interface and token share a name.
import type { ServiceIdentifier } from 'inversify';
import type * as config from '../contract/config.js';
import type * as context from '../contract/context.js';
import type * as policy from '../contract/policy.js';
import type * as services from '../contract/services.js';
import type { EventBus } from './event-bus.js';
import type { Hooks as HooksClass } from './hooks.js';

function token<T>(name: string): ServiceIdentifier<T> {
  return Symbol.for(`@lamina/core/${name}`) as ServiceIdentifier<T>;
}

/** Tokens a host may rebind in `createLamina({ configure })`. */
export const tokens = Object.freeze({
  Config: token<config.Config>('Config'),
  Log: token<context.Logger>('Log'),
  Clock: token<context.Clock>('Clock'),
  Events: token<EventBus>('Events'),
  Hooks: token<HooksClass>('Hooks'),
  Registrations: token<services.Registrations>('Registrations'),
  Models: token<services.Models>('Models'),
  Suggestions: token<services.Suggestions>('Suggestions'),
  Backends: token<services.Backends>('Backends'),
  Processes: token<services.ProcessKeeper>('Processes'),
  Policy: token<policy.Policy>('Policy'),
  Downloads: token<services.Downloads>('Downloads'),
  Runtime: token<services.Runtime>('Runtime'),
  Requests: token<services.Requests>('Requests'),
});
