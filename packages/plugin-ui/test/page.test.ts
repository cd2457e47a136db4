// The server serves the page: its files, the headers that protect it, and the way to it.
import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import { ui } from '@lamina/plugin-ui';

describe('the page', () => {
  let test: TestLamina;
  let server: Server;
  let url: string;

  before(async () => {
    test = await createTestLamina({ plugins: [ui()] });
    server = createServer(test, { port: 0, apiKeys: [{ key: 'secret' }] });
    url = await server.listen();
  });
  after(async () => {
    const closed = server.close();
    await test.close();
    await closed;
  });

  // `no-cache`: fetch adds headers to other conditional requests, so that they are never answered with 304.
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}${path}`, { headers, redirect: 'manual', cache: 'no-cache' });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  it('is where GET / sends a browser, and only a browser', async () => {
    const browser = await get('/', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
    assert.deepEqual([browser.status, browser.headers.get('location')], [302, 'ui/']);
    for (const accept of ['*/*', 'application/json']) assert.equal((await get('/', { accept })).status, 404);
  });

  it('is at /ui/, so that its relative URLs work', async () => {
    const { status, headers } = await get('/ui');
    assert.deepEqual([status, headers.get('location')], [302, 'ui/']);
  });

  it('needs no key, and has a policy that lets it load and send nothing elsewhere', async () => {
    const page = await get('/ui/');
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type')!, /^text\/html/);
    const policy = page.headers.get('content-security-policy')!;
    for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "trusted-types 'none'"])
      assert.ok(policy.split('; ').includes(rule), policy);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.doesNotMatch(page.text, /<script(?![^>]*src="\.\/)|<style|style="/);
  });

  it('has files that browsers keep, compressed', async () => {
    const path = /src="\.\/(assets\/[^"]*)"/.exec((await get('/ui/')).text)![1]!;
    const file = await get(`/ui/${path}`, { 'accept-encoding': 'br' });
    assert.equal(file.headers.get('content-encoding'), 'br');
    assert.equal(file.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.match(file.text, /^.*\S/);
    const again = await get(`/ui/${path}`, { 'if-none-match': file.headers.get('etag')! });
    assert.equal(again.status, 304);
    const plain = await get(`/ui/${path}`, { 'accept-encoding': 'identity' });
    assert.equal(plain.headers.get('content-encoding'), null);
  });

  it('has at most 60 kB for its first view, and 150 kB in all, compressed', async () => {
    const folder = new URL('../dist/page/', import.meta.url);
    const size = async (path: string) => (await stat(new URL(`${path}.gz`, folder))).size;
    const { text } = await get('/ui/');
    const first = [...text.matchAll(/(?:src|href)="\.\/([^"]*)"/g)].map(([, path]) => path!);
    const all = (await readdir(new URL('assets', folder))).filter((name) => /\.(js|css)$/.test(name));
    const sum = async (paths: readonly string[]) =>
      (await Promise.all(paths.map(size))).reduce((total, bytes) => total + bytes, 0);
    assert.ok((await sum([...first, 'index.html'])) <= 60_000);
    assert.ok((await sum([...all.map((name) => `assets/${name}`), 'index.html', 'favicon.svg'])) <= 150_000);
  });

  it('has no other files', async () => {
    for (const path of ['/ui/nothing.js', '/ui/../package.json', '/ui/%2e%2e/index.js', '/ui/..%2findex.js'])
      assert.equal((await get(path)).status, 404, path);
  });
});
