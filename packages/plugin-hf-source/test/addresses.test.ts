// A download from the Hub that a network request started connects to no private address that the operator has
// not listed.
import assert from 'node:assert/strict';
import { LaminaError } from '@lamina/core';
import { createTestLamina } from '@lamina/testing';
import { hfSource } from '../dist/index.js';
import { HubServer } from './hub-server.js';

const isForbidden = (error: unknown) => LaminaError.is(error, 'FORBIDDEN');

describe('the addresses of a download from the Hub', () => {
  let hub: HubServer;
  beforeEach(async () => {
    hub = await HubServer.open({ 'org/name': { files: { 'm-Q4_K_M.gguf': 'GGUF and so on' } } });
  });
  afterEach(() => hub.close());

  /** Pulls it in a network request. */
  async function pull(allowedHosts: string[]): Promise<void> {
    const plugins = [hfSource({ endpoint: hub.url, adopt: false })];
    const lamina = await createTestLamina({ plugins, env: {}, downloads: { allowedHosts, retryDelay: 0.01 } });
    try {
      const { id } = await lamina.downloads.start({ reference: 'org/name', name: 'tiny' }, { guard: 'public' });
      await lamina.downloads.wait(id);
    } finally {
      await lamina.close();
    }
  }

  it('may be those that the operator lists', async () => {
    await pull([new URL(hub.url).host, new URL(hub.cdnUrl).host]);
    assert.notDeepEqual(hub.seenByCdn, []);
  });

  it('must not be those of a mirror that the operator does not list', async () => {
    await assert.rejects(pull([]), isForbidden);
    assert.deepEqual(hub.seen, []);
  });

  it('must not be private after a redirect of the Hub', async () => {
    await assert.rejects(pull([new URL(hub.url).host]), isForbidden);
    assert.deepEqual(hub.seenByCdn, []);
  });
});
