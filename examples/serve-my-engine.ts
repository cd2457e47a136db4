// A server with your engine: node examples/dist/serve-my-engine.js <models directory> <port>
import { createLamina } from '@lamina/core';
import { createServer } from '@lamina/server-koa';
import { myEngine } from './engine-plugin.js';

const [modelsDir = 'models', port = '11500'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [myEngine()] });
const server = createServer(lamina, { port: Number(port) });
console.log(`Lamina listens on ${await server.listen()}`);
process.once('SIGINT', () => void server.close().then(() => lamina.close()));
