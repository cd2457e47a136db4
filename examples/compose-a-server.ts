// A server with the plugins of your choice: node examples/dist/compose-a-server.js <models directory> <port>
import { createLamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { createServer } from '@lamina/server-koa';

const [modelsDir = 'models', port = '11500'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [llamacpp({ threads: 1 })] });
const server = createServer(lamina, { port: Number(port) });
console.log(`Lamina listens on ${await server.listen()}`);
process.once('SIGINT', () => void server.close().then(() => lamina.close()));
