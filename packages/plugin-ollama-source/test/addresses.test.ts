// A download from a registry that was requested over the network asks no private address that its operator has not
// listed.
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

  /** Pulls it for a request from the network. */
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

  it('are those that the operator lists', async () => {
    await pull([registry.host, registry.storeHost]);
    assert.notDeepEqual(registry.seenByStore, []);
  });

  it('are not those of a registry that the operator does not list', async () => {
    await assert.rejects(pull([]), isForbidden);
    assert.deepEqual(registry.seen, []);
  });

  it('are not those that the registry redirects to', async () => {
    await assert.rejects(pull([registry.host]), isForbidden);
    assert.deepEqual(registry.seenByStore, []);
  });

  it('are not those that the registry names for a token', async () => {
    registry.redirects = false;
    registry.token = 'anonymous';
    registry.realm = `http://${registry.storeHost}/token`;
    await assert.rejects(pull([registry.host]), isForbidden);
    assert.deepEqual(registry.seenByStore, []);
  });
});
