// The checks that tests of web pages use: a page under a strict policy passes them, and each fault of another is found.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import type { Browser } from 'playwright-core';
import { WebSocketServer } from 'ws';
import { axeViolations, chromium, openBrowser, openPage } from './support/browser.js';
import { describeWith } from './support/nginx.js';

const policy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'",
  "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
].join('; ');

const files: Readonly<Record<string, string>> = {
  '/good.html': `<!doctype html><html lang="en"><meta charset="utf-8"><title>Good</title>
    <link rel="icon" href="data:,"><link rel="stylesheet" href="/good.css"><script type="module" src="/good.js"></script>
    <main><h1>Good</h1><p role="status"></p></main></html>`,
  '/good.css': 'h1 { color: #333; }',
  '/good.js': `new WebSocket('/socket').onmessage = ({ data }) => (document.querySelector('p').textContent = data);`,
  '/bad.html': `<!doctype html><html lang="en"><meta charset="utf-8"><title>Bad</title><link rel="icon" href="data:,">
    <main><h1>Bad</h1><img src="/image.gif"></main><script>alert('inline');</script><script src="/bad.js"></script></html>`,
  '/bad.js': `console.error('printed'); document.body.innerHTML = '<p>Not trusted</p>';`,
  '/image.gif': '',
};

describeWith({ chromium }, 'the checks of pages in Chromium', function () {
  this.timeout(60_000);
  let browser: Browser;
  let http: Server;
  let sockets: WebSocketServer;
  let origin: string;

  before(async () => {
    const app = new Koa().use((ctx) => {
      ctx.set('content-security-policy', policy);
      ctx.type = ctx.path.split('.').pop()!;
      ctx.body = files[ctx.path];
    });
    http = app.listen(0, '127.0.0.1');
    await once(http, 'listening');
    origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    sockets = new WebSocketServer({ server: http });
    sockets.on('connection', (socket) => socket.send('connected'));
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    sockets.close();
    http.close();
    http.closeAllConnections();
  });

  it('find nothing wrong with a page under a strict policy, and record its requests and its WebSocket', async () => {
    const { page, requests, problems } = await openPage(browser, `${origin}/good.html`);
    await page.getByText('connected').waitFor();
    assert.deepEqual(await axeViolations(page), []);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      requests.map((url) => new URL(url).host + new URL(url).pathname),
      ['/good.html', '/good.css', '/good.js', '/socket'].map((path) => new URL(origin).host + path),
    );
  });

  it('find an inline script, HTML that is not trusted, console errors, uncaught errors and missing alternative texts', async () => {
    const { page, problems } = await openPage(browser, `${origin}/bad.html`);
    assert.deepEqual(await axeViolations(page), ['image-alt: Images must have alternative text (img)']);
    for (const expected of [
      /^CSP violation: script-src-elem inline$/,
      /^CSP violation: require-trusted-types-for trusted-types-sink$/,
      /^console error: printed$/,
      /^page error: .*requires 'TrustedHTML'/,
    ])
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        `${expected} is not in:\n${problems.join('\n')}`,
      );
  });
});
