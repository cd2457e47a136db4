// Lamina in a Koa application with its own routes and port:
// node examples/dist/embed-in-koa.js <models directory> <port>
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { attachWebSocket, laminaRouter } from '@lamina/server-koa';
import Koa from 'koa';

const [modelsDir = 'models', port = '3000'] = process.argv.slice(2);
const page = readFileSync(new URL('../browser.html', import.meta.url));
const clientModules = import.meta.resolve('@lamina/client'); // Browsers load them as they are.
const lamina = await createLamina({ modelsDir, plugins: [llamacpp({ threads: 1 })] });

const app = new Koa();
app.use(laminaRouter(lamina).prefix('/ai').routes());
app.use((ctx) => {
  const [, module] = /^\/client\/([\w-]+\.js)$/.exec(ctx.path) ?? [];
  ctx.type = module === undefined ? 'html' : 'js';
  ctx.body = module === undefined ? page : readFileSync(new URL(module, clientModules));
});

const handle = app.callback();
const http = createServer((request, response) => void handle(request, response));
const webSockets = attachWebSocket(http, lamina);
http.listen(Number(port), '127.0.0.1', () =>
  console.log(`Open http://127.0.0.1:${(http.address() as AddressInfo).port}`),
);
process.once('SIGINT', () => {
  http.close();
  http.closeIdleConnections();
  void Promise.all([webSockets.close({ signal: AbortSignal.abort() }), lamina.close()]);
});
