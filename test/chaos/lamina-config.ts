// The configuration module of the server under test: the fake engine and the real ones that are installed, a small
// budget, short limits, a machine whose memory the run changes, and downloads from the server of the run allowed.
import { readFileSync } from 'node:fs';
import { tokens } from '@lamina/core';
import { embedded } from '@lamina/plugin-embedded';
import { defineConfig, type ServerConfig } from '@lamina/server-koa';
import { fakePlugin } from '@lamina/testing';
import { embeddedDirectory, llamaServer, realLlama } from '../support/engine.js';
import { budgetBytes } from './models.js';
import { machineVariable, siteVariable, starvationMs, type MachineMemory } from './settings.js';

const limits = {
  memory: budgetBytes,
  healthInterval: 1,
  drainTimeout: 3,
  stopTimeout: 3,
  idleTimeout: 20,
  starvationTimeout: starvationMs / 1000,
  queueLimit: 64,
};

/** What the run says that the machine has now. */
function readMachine(): MachineMemory {
  return JSON.parse(readFileSync(process.env[machineVariable]!, 'utf8')) as MachineMemory;
}

export default defineConfig({
  plugins: [
    fakePlugin(),
    ...(llamaServer === undefined ? [] : [realLlama()]),
    ...(embeddedDirectory === undefined
      ? []
      : [embedded({ directory: embeddedDirectory, threads: 1, context_length: 1024 })]),
  ],
  limits,
  downloads: { retryDelay: 0.1, stallTimeout: 5, maxConcurrent: 4, allowedHosts: [process.env[siteVariable] ?? ''] },
  configure: (container) => {
    // Nothing is measured, so that the fake engines keep needing what they say.
    const residentBytes = () => Promise.resolve(undefined);
    const machine = { read: readMachine, residentBytes, outOfMemoryKills: () => 0 };
    void container.rebind(tokens.SystemMemory).toConstantValue(machine);
  },
} satisfies ServerConfig);
