import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hfSource } from '../dist/index.js';
import { HubServer } from './hub-server.js';
import { contextFor, sourceOf } from './source-kit.js';

describe('the token for the Hub', () => {
  let hub: HubServer;
  let home: string;

  before(async () => {
    hub = await HubServer.open({ 'org/name': { files: { 'm.gguf': 'x' } } });
    home = await mkdtemp(join(tmpdir(), 'lamina-hf-'));
    await mkdir(join(home, '.cache', 'huggingface'), { recursive: true });
    await writeFile(join(home, '.cache', 'huggingface', 'token'), ' hf_home\n');
    await writeFile(join(home, 'token'), 'hf_file\n');
  });
  after(async () => {
    await hub.close();
    await rm(home, { recursive: true });
  });

  async function authorizationSent(
    env: Record<string, string>,
    options: { token?: string } = {},
  ): Promise<string | undefined> {
    hub.seen.length = 0;
    await (await sourceOf(hfSource({ ...options, endpoint: hub.url }), env)).resolve('org/name', contextFor());
    return hub.seen[0]?.authorization;
  }

  it('comes from the option, then from the environment, then from a file', async () => {
    const env = {
      HF_TOKEN: 'hf_new',
      HUGGING_FACE_HUB_TOKEN: 'hf_old',
      HF_TOKEN_PATH: join(home, 'token'),
      HOME: home,
    };
    assert.equal(await authorizationSent(env, { token: 'hf_option' }), 'Bearer hf_option');
    assert.equal(await authorizationSent(env), 'Bearer hf_new');
    assert.equal(await authorizationSent({ ...env, HF_TOKEN: '' }), 'Bearer hf_old');
    assert.equal(await authorizationSent({ HF_TOKEN_PATH: join(home, 'token'), HOME: home }), 'Bearer hf_file');
    assert.equal(await authorizationSent({ HF_HOME: home }), 'Bearer hf_file');
    assert.equal(await authorizationSent({ HOME: home }), 'Bearer hf_home');
    assert.equal(await authorizationSent({ XDG_CACHE_HOME: join(home, '.cache') }), 'Bearer hf_home');
    assert.equal(await authorizationSent({ HOME: join(home, 'nobody') }), undefined);
  });

  it('is not sent when HF_HUB_DISABLE_IMPLICIT_TOKEN forbids all but an explicit token', async () => {
    assert.equal(
      await authorizationSent({ HF_TOKEN: 'hf_new', HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }),
      undefined,
    );
    assert.equal(
      await authorizationSent({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }, { token: 'hf_option' }),
      'Bearer hf_option',
    );
  });

  it('may have any format for a mirror', async () =>
    assert.equal(await authorizationSent({ HF_TOKEN: 'not-of-the-hub' }), 'Bearer not-of-the-hub'));
});
