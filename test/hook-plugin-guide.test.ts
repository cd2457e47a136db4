// The plugins of docs/guide/hook-plugin.md, which quotes them from examples/, do what the guide says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LaminaError, type Caller, type Lamina, type Plugin } from '@lamina/core';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { root } from './support/root.js';
import type * as KeepLoaded from '../examples/keep-loaded-plugin.js';
import type * as Polite from '../examples/polite-plugin.js';
import type * as Quota from '../examples/quota-plugin.js';
import type * as Redact from '../examples/redact-plugin.js';

const load = (name: string) => import(join(root, `examples/dist/${name}.js`)) as Promise<unknown>;
const { quota } = (await load('quota-plugin')) as typeof Quota;
const { redact } = (await load('redact-plugin')) as typeof Redact;
const { keepLoaded } = (await load('keep-loaded-plugin')) as typeof KeepLoaded;
const { polite } = (await load('polite-plugin')) as typeof Polite;

describe('the guide to hook plugins', () => {
  let lamina: Lamina | undefined;
  const messages = [{ role: 'user', content: 'hi' }];
  const phone: Caller = { name: 'phone', scopes: ['inference'], via: 'http' };
  const start = async (...plugins: Plugin[]) => {
    const entry = { path: 'model.fake', backend: 'fake' };
    return (lamina = await createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin(), ...plugins],
      manifest: { models: { tiny: entry, no: entry } },
      limits: { maxLoaded: 2 },
    }));
  };
  afterEach(() => lamina?.close({ signal: AbortSignal.abort() }));

  it('quotes the plugins and nothing else', () => {
    const guide = readFileSync(join(root, 'docs/guide/hook-plugin.md'), 'utf8');
    const quoted = [...guide.matchAll(/<!-- file: examples\/(\S+) -->\n+```ts\n/g)].map(([, file]) => file);
    assert.deepEqual(quoted, ['quota-plugin.ts', 'redact-plugin.ts', 'polite-plugin.ts', 'keep-loaded-plugin.ts']);
    assert.equal(guide.match(/```ts\n/g)!.length, quoted.length);
  });

  it('limits the tokens of a key, and only of that key', async () => {
    const { chat, events } = await start(quota({ tokens: 5 }));
    const reached: unknown[] = [];
    events.on('quota.reached', ({ key }) => void reached.push(key));
    const ask = (caller: Caller) => chat({ model: 'tiny', messages }, { caller }).text();
    await ask(phone);
    await assert.rejects(ask(phone), (error) => LaminaError.is(error, 'RATE_LIMITED'));
    await ask({ ...phone, name: 'tablet' });
    assert.deepEqual(reached, ['phone']);
  });

  it('hides a word, split over chunks or not, and nothing else', async () => {
    const text = async (word: string) => {
      const { chat } = await start(redact({ word }));
      const answer = await chat({ model: 'tiny', messages }).text();
      await lamina!.close();
      return answer;
    };
    assert.equal(await text('1 2'), 'tiny: … 3 4');
    assert.equal(await text('4!'), 'tiny: 1 2 3 4');
  });

  it('asks a model before another one answers', async () => {
    const { chat } = await start(polite({ judge: 'tiny' }));
    assert.equal(await chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
    await lamina!.close();
    await start(polite({ judge: 'no' }));
    await assert.rejects(
      lamina!.chat({ model: 'tiny', messages }).text(),
      (error) => LaminaError.is(error, 'FORBIDDEN') && error.message === 'Please be polite.',
    );
  });

  it('has a plugin of thirty lines that chooses the models that are stopped', () => {
    const lines = readFileSync(join(root, 'examples/keep-loaded-plugin.ts'), 'utf8').trimEnd().split('\n');
    assert.ok(lines.length <= 30, String(lines.length));
  });

  it('stops the models to keep last, and as few as suffice', async () => {
    const entry = (memory_bytes: number) => ({ path: 'model.fake', backend: 'fake', options: { memory_bytes } });
    const models = { chat: entry(40e6), embed: entry(20e6), small: entry(20e6), big: entry(50e6), huge: entry(90e6) };
    const loadedAfter = async (kept: string[], ...used: string[]) => {
      const { chat, runtime } = (lamina = await createTestLamina({
        files: { 'model.fake': 'a fake model' },
        plugins: [fakePlugin(), keepLoaded({ models: kept })],
        manifest: { models },
        limits: { memory: 100e6 },
      }));
      for (const model of used) await chat({ model, messages }).text();
      const loaded = runtime.slots().map(({ model }) => model);
      await lamina.close({ signal: AbortSignal.abort() });
      return loaded.sort();
    };
    const used = ['chat', 'embed', 'small', 'big'];
    assert.deepEqual(await loadedAfter(['chat'], ...used), ['big', 'chat']);
    assert.deepEqual(await loadedAfter(['embed', 'small'], ...used), ['big', 'embed', 'small']);
    assert.deepEqual(await loadedAfter(['chat'], 'chat', 'huge'), ['huge'], 'nothing else is left');
  });
});
