// A chat over a WebSocket: node examples/dist/websocket-client.js <url> <model> <text>
import type { ServerFrame } from '@lamina/core/protocol';
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:11500/ws', model = 'tiny', content = 'Who are you?'] = process.argv.slice(2);
const request = { model, messages: [{ role: 'user', content }] };
const socket = new WebSocket(url, 'lamina.v1');
socket.on('open', () => socket.send(JSON.stringify({ type: 'chat.start', id: '1', request })));
socket.on('message', (data: Buffer) => {
  const frame = JSON.parse(data.toString()) as ServerFrame;
  if (frame.type === 'chat.chunk') process.stdout.write(frame.chunk.choices[0]?.delta.content ?? '');
  if (frame.type === 'chat.done' || frame.type === 'chat.error') socket.close();
  if (frame.type === 'chat.error' || frame.type === 'error') console.error(frame.error.message);
});
