// A download from a registry that a network request started connects to no private address that the operator
// has not listed.
import assert from 'node:assert/strict';
import { LaminaError } from '@lamina/core';
import { createTestLamina } from '@lamina/testing';
import { ollamaSource } from '../dist/index.js';
import { RegistryServer } from './registry-server.js';

const isForbidden = (error: unknown) => LaminaError.is(error, 'FORBIDDEN');

describe('the addresses of a download from an Ollama registry', () => {
  let registry: RegistryServer;
  beforeEach(async () => {
    registry = await RegistryServer.open();
    registry.add('library/tiny:latest', [['model', 'GGUF weights']], { model_format: 'gguf' });
  });
  afterEach(() => registry.close());

  /** Pulls it in a network request. */
  async function pull(allowedHosts: string[]): Promise<void> {
    const plugins = [ollamaSource({ registries: [registry.host], adopt: false })];
    const lamina = await createTestLamina({ plugins, downloads: { allowedHosts, retryDelay: 0.01 } });
    try {
      const { id } = await lamina.downloads.start(
        { reference: { model: `${registry.host}/library/tiny` }, name: 'tiny' },
        { guard: 'public' },
      );
      await lamina.downloads.wait(id);
    } finally {
      await lamina.close();
    }
  }

  it('may be those that the operator lists', async () => {
    await pull([registry.host, registry.storeHost]);
    assert.notDeepEqual(registry.seenByStore, []);
  });

  it('must not be those of a registry that the operator does not list', async () => {
    await assert.rejects(pull([]), isForbidden);
    assert.deepEqual(registry.seen, []);
  });

  it('must not be private after a redirect of the registry', async () => {
    await assert.rejects(pull([registry.host]), isForbidden);
    assert.deepEqual(registry.seenByStore, []);
  });

  it('must not be private in the token realm of the registry', async () => {
    registry.redirects = false;
    registry.token = 'anonymous';
    registry.realm = `http://${registry.storeHost}/token`;
    await assert.rejects(pull([registry.host]), isForbidden);
    assert.deepEqual(registry.seenByStore, []);
  });
});
