// The memory of this machine, and of the processes on it.
import { freemem, totalmem } from 'node:os';
import type { SystemMemory } from '../contract/processes.js';

/** What the system says. */
export const systemMemory: SystemMemory = {
  read: () => ({ totalBytes: totalmem(), availableBytes: freemem() }),
  residentBytes: () => Promise.resolve(undefined),
};
