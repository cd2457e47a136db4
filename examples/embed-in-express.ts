// Lamina in an Express application, below /ai:
// node examples/dist/embed-in-express.js <models directory> <port>
import type { AddressInfo } from 'node:net';
import { createLamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { attachWebSocket, laminaRouter } from '@lamina/server-koa';
import express from 'express';
import Koa from 'koa';

const [modelsDir = 'models', port = '3000'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [llamacpp({ threads: 1 })] });
const koa = new Koa().use(laminaRouter(lamina).routes()).callback();

const app = express();
app.use('/ai', (request, response) => void koa(request, response)); // Before any body parser.
app.get('/', (_, response) => void response.send('The application'));

const http = app.listen(Number(port), '127.0.0.1', () =>
  console.log(`Open http://127.0.0.1:${(http.address() as AddressInfo).port}`),
);
const webSockets = attachWebSocket(http, lamina);
process.once('SIGINT', () => {
  http.close();
  http.closeIdleConnections();
  void Promise.all([webSockets.close({ signal: AbortSignal.abort() }), lamina.close()]);
});
