// The source huggingface with nginx in the role of the Hub.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger, PluginContext, Source, SourceContext } from '@lamina/core/plugin';
import { tinyGguf } from '@lamina/testing';
import { hfSource } from '@lamina/plugin-hf-source';
import { describeWith, nginx } from './support/nginx.js';
import { hubCommit, NginxHub } from './support/nginx-hub.js';

const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};
const context = (): SourceContext => ({ signal: AbortSignal.timeout(10_000), log: quiet, fetch: globalThis.fetch });

describeWith({ nginx }, 'the source huggingface with a Hub on nginx', () => {
  let folder: string;
  let hub: NginxHub;
  let paths: readonly string[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-nginx-'));
    ({ paths } = await tinyGguf(join(folder, 'tiny-Q8_0.gguf'), { shards: 3 }));
    hub = await NginxHub.open(join(folder, 'nginx'), paths);
  });
  after(async () => {
    await hub.close();
    await rm(folder, { recursive: true });
  });

  async function source(token?: string): Promise<Source> {
    let registered: Source | undefined;
    const plugin = hfSource({ endpoint: hub.url, adopt: false, ...(token === undefined ? {} : { token }) });
    await plugin.setup(
      { env: {}, addSource: (one: Source) => (registered = one) } as unknown as PluginContext,
      plugin.options as never,
    );
    return registered!;
  }

  it('plans all shards of all pages and locates their bytes at the CDN', async () => {
    const from = await source('hf_secret');
    const plan = (await from.resolve('org/tiny:Q8_0', context()))!;
    assert.equal(plan.revision, hubCommit);
    assert.equal(plan.files.length, 3);
    for (const [index, file] of plan.files.entries()) {
      const { url, headers = {} } = await from.locate(file, plan, context());
      assert.ok(url.startsWith(hub.cdn));
      const part = await fetch(url, {
        headers: { ...headers, range: 'bytes=100-', 'accept-encoding': 'identity', connection: 'close' },
      });
      assert.equal(part.status, 206);
      const bytes = await readFile(paths[index]!);
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100)));
      assert.equal(file.bytes, bytes.length);
    }
  });

  it('distinguishes gated, missing, renamed and rate-limited models', async () => {
    await assert.rejects((await source()).resolve('org/gated', context()), {
      code: 'SOURCE_DENIED',
      message: /accept its terms/,
    });
    await assert.rejects((await source('hf_other')).resolve('org/gated', context()), {
      code: 'SOURCE_DENIED',
      message: /has no access to org\/gated/,
    });
    await assert.rejects((await source()).resolve('org/none', context()), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /has no model "org\/none".* or it is private/,
    });
    await assert.rejects((await source()).resolve({ repo_id: 'org/tiny', revision: 'nope' }, context()), {
      code: 'SOURCE_MODEL_NOT_FOUND',
    });
    assert.equal((await (await source()).resolve('org/old', context()))?.name, 'org/new:Q8_0');
    const busy = async () => (await source()).resolve('org/busy', context());
    await assert.rejects(busy(), { message: /responded with status 503|in 42 s/ });
    await assert.rejects(busy(), { code: 'SOURCE_UNREACHABLE', message: /limits the requests .*in 42 s/ });
  });
});
