// A chat over a WebSocket: node examples/dist/websocket-client.js <address> <model> <text>
import { connect, LaminaClientError } from '@lamina/client';

const [address = 'http://127.0.0.1:11500', model = 'tiny', content = 'Who are you?'] = process.argv.slice(2);
const client = connect(address);
try {
  const chat = client.chat({ model, messages: [{ role: 'user', content }] });
  for await (const { choices } of chat) process.stdout.write(choices[0]?.delta.content ?? '');
} catch (error) {
  if (!(error instanceof LaminaClientError)) throw error;
  console.error(error.message);
} finally {
  client.close();
}
