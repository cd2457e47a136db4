// The members that backend types and backends of plugins must have.
import type { Backend, BackendType } from '../contract/backends.js';
import { shapeProblem } from '../kernel/shape.js';

/** What is wrong with the shape of a backend type; `undefined` when nothing is. */
export function typeProblem(type: BackendType): string | undefined {
  const problem = shapeProblem(type, {
    type: 'text',
    formats: 'list',
    options: 'object',
    modelOptions: 'object',
    lifetime: 'text',
    aliases: 'list?',
    create: 'function',
  });
  if (problem !== undefined)
    return `${named('backend type', (type as Partial<BackendType> | undefined)?.type)}: ${problem}`;
  if (['owned', 'external'].includes(type.lifetime)) return undefined;
  return `${named('backend type', type.type)}: its "lifetime" must be "owned" or "external", not "${type.lifetime}"`;
}

/** @throws Error when a member of the backend that a type created is missing */
export function checkBackend(backend: Backend, type: string): Backend {
  const problem = shapeProblem(backend, {
    name: 'text',
    probe: 'function',
    accepts: 'function',
    start: 'function',
    estimateMemory: 'function?',
    install: 'function?',
    adapt: 'object?',
  });
  if (problem !== undefined) throw new Error(`${named('backend of the type', type)} has the wrong shape: ${problem}`);
  return backend;
}

function named(what: string, name: string | undefined): string {
  return name ? `the ${what} "${name}"` : `a ${what}`;
}
