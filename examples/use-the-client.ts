// What the client can do: node examples/dist/use-the-client.js <address> <model> <URL of a GGUF file> (key: LAMINA_KEY)
import { connect, LaminaClientError } from '@lamina/client';

const [address = 'http://127.0.0.1:11500', model = 'tiny', fileUrl = ''] = process.argv.slice(2);

// #region connect
const client = connect(address, { key: process.env['LAMINA_KEY'] ?? '' });
client.on('connected', ({ scopes }) => console.log(`Connected, allowed: ${scopes.join(', ')}`));
client.on('disconnected', ({ reason }) => console.log(`Disconnected: ${reason}`));
client.on('error', ({ message }) => console.error(message));
// #endregion

// #region events
const stop = client.on('model.state', ({ model, from, to }) => console.log(`${model}: ${from} → ${to}`));
client.on('gap', ({ types }) => console.log(`Missed some of ${types.join(', ')}: read the current state.`));
// #endregion

// #region chat
const messages = [{ role: 'user', content: 'Who are you?' }];
const chat = client.chat(
  { model, messages },
  {
    onProgress(progress) {
      if (progress.kind === 'queued') console.log(`Waits in place ${progress.position}`);
      else console.log(`Loads: ${progress.stage}`);
    },
  },
);
for await (const { choices } of chat) process.stdout.write(choices[0]?.delta.content ?? '');
console.log(`\nFinished (${chat.finishReason}) after ${chat.usage?.completion_tokens} tokens`);
// #endregion

// #region message
const message = await client.chat({ model, messages, max_tokens: 50 }).message();
const conversation = [...messages, message, { role: 'user', content: 'Say that again.' }];
console.log(await client.chat({ model, messages: conversation }, { signal: AbortSignal.timeout(60_000) }).text());
// #endregion

// #region cancel
for await (const { choices } of client.chat({ model, messages })) {
  if (choices[0]?.delta.content?.includes('1')) break;
}
// #endregion

// #region embed
const { embeddings } = await client.embed({ model, input: ['a text', 'another text'] });
console.log(`${embeddings.length} vectors of ${embeddings[0]?.length} numbers`);
// #endregion

// #region models
const { models } = await client.models.list();
for (const [name, { state, bytes }] of Object.entries(models)) console.log(`${name}: ${state}, ${bytes} bytes`);
const { suggested } = await client.suggest({ max_size: '4GB' });
await client.models.start(suggested);
await client.models.stop(suggested);
// #endregion

// #region downloads
const download = await client.downloads.start({ reference: fileUrl, name: 'downloaded' });
for await (const { state, done, total } of client.downloads.watch(download.id))
  console.log(`Download: ${state}, ${done} of ${total} bytes`);
// #endregion

// #region errors
try {
  await client.models.start('no-such-model');
} catch (error) {
  if (!(error instanceof LaminaClientError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
// #endregion

// #region close
stop();
client.close();
// #endregion
