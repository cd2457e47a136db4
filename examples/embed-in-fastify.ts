// Lamina in a Fastify application, below /ai:
// node examples/dist/embed-in-fastify.js <models directory> <port>
import { createLamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { attachWebSocket, laminaRouter } from '@lamina/server-koa';
import { fastify } from 'fastify';
import Koa from 'koa';

const [modelsDir = 'models', port = '3000'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [llamacpp({ threads: 1 })] });
const koa = new Koa().use(laminaRouter(lamina).prefix('/ai').routes()).callback();

const app = fastify();
await app.register((scope) => {
  // Lamina reads the bodies itself.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _body, done) => done(null));
  scope.all('/ai/*', (request, reply) => {
    reply.hijack();
    void koa(request.raw, reply.raw);
  });
});
app.get('/', () => 'The application');

const webSockets = attachWebSocket(app.server, lamina);
console.log(`Open ${await app.listen({ port: Number(port), host: '127.0.0.1' })}`);
process.once('SIGINT', () => {
  app.server.closeIdleConnections();
  void Promise.all([webSockets.close({ signal: AbortSignal.abort() }), app.close(), lamina.close()]);
});
