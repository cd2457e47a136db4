// The configuration module of the server under test: the real engine if installed, short limits, and
// downloads from the server of the run allowed.
import { fakePlugin } from '@lamina/testing';
import { defineConfig, type ServerConfig } from '@lamina/server-koa';
import { llamaServer, realLlama } from '../support/engine.js';
import { siteVariable } from './settings.js';

const limits = {
  healthInterval: 1,
  drainTimeout: 3,
  stopTimeout: 3,
  idleTimeout: 20,
  starvationTimeout: 0.5,
  abandonTimeout: 1,
  queueLimit: 64,
  maxLoaded: 2,
};

export default defineConfig({
  plugins: [llamaServer === undefined ? fakePlugin() : realLlama()],
  limits,
  downloads: { retryDelay: 0.1, stallTimeout: 5, maxConcurrent: 4, allowedHosts: [process.env[siteVariable] ?? ''] },
} satisfies ServerConfig);
