// A server with the routes of a plugin: node examples/dist/serve-notes.js <models directory> <port>
import { createLamina } from '@lamina/core';
import { createServer } from '@lamina/server-koa';
import { myEngine } from './engine-plugin.js';
import { notes } from './notes-extension.js';

const [modelsDir = 'models', port = '11500'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [myEngine(), notes()] });
const server = createServer(lamina, { port: Number(port) });
console.log(`Lamina listens on ${await server.listen()}`);
process.once('SIGINT', () => void server.close().then(() => lamina.close()));
