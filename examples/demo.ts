// Creates a tiny model, serves it with llama.cpp (or with the embedded engine if llama.cpp is not installed), streams a
// chat, and keeps running. `--once` exits after the chat.
import { on, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { createLamina } from '@lamina/core';
import type { ServerFrame } from '@lamina/core/protocol';
import { tinyGguf } from '@lamina/testing';
import { embedded } from '@lamina/plugin-embedded';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { createServer } from '@lamina/server-koa';
import { WebSocket } from 'ws';

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, port: { type: 'string', default: '11500' } },
});
const name = 'tiny';
const chat = { model: name, messages: [{ role: 'user', content: 'Who are you?' }], stream: true };
type Chunk = { choices: { delta: { content?: string | null } }[] };
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

let shown = '';
/** Shows the loading progress: one line that changes on a terminal, else one line per stage. */
function showLoading(stage: string, ratio?: number): void {
  const text = ratio === undefined ? stage : `${stage}, ${Math.round(ratio * 100)} %`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${styleText('dim', text)}`);
  else if (stage !== shown) console.error(stage);
  shown = stage;
}

/** Prints the name of the model before its first word. */
function showName(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  process.stdout.write(`${styleText('dim', name)} `);
}

/** Sends the chat over a WebSocket and prints the text as it arrives. */
async function streamChat(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'lamina.v1');
  const closeSocket = () => socket.close();
  stop.signal.addEventListener('abort', closeSocket, { once: true });
  let hasText = false;
  try {
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'chat.start', id: '1', request: chat }));
    for await (const [data] of on(socket, 'message', { close: ['close'] }) as AsyncIterable<[Buffer]>) {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.type === 'chat.loading') showLoading(frame.stage, frame.ratio);
      const text = frame.type === 'chat.chunk' ? ((frame.chunk as Chunk).choices[0]?.delta.content ?? '') : '';
      if (text !== '' && !hasText) showName();
      hasText ||= text !== '';
      process.stdout.write(text);
      if (frame.type === 'chat.error' || frame.type === 'error') throw new Error(frame.error.message);
      if (frame.type === 'chat.done') break;
    }
  } finally {
    stop.signal.removeEventListener('abort', closeSocket);
    socket.close();
  }
}

async function demo(modelsDir: string): Promise<void> {
  await tinyGguf(join(modelsDir, `${name}.gguf`), { name });
  const manifest = { models: { [name]: { path: `${name}.gguf`, options: { context_length: 1024 } } } };
  const executable = process.env['LAMINA_LLAMA_SERVER'];
  // The models directory is deleted at the end; the embedded engine is kept for the next run.
  const directory = process.env['LAMINA_EMBEDDED'] ?? join(homedir(), '.cache', 'lamina', 'embedded');
  const plugins = [
    llamacpp({ threads: 1, ...(executable === undefined ? {} : { executable }) }),
    embedded({ threads: 1, directory }),
  ];
  const lamina = await createLamina({ modelsDir, manifest, plugins });
  const server = createServer(lamina, { port: Number(values.port) });
  try {
    const url = await server.listen();
    console.log(`Lamina listens on ${url}\n`);
    process.stdout.write(`${styleText('dim', 'you  ')} ${chat.messages[0]!.content}\n`);
    await streamChat(url);
    console.log(
      `\n\n${styleText('dim', 'Try the same from another terminal:')}\ncurl -N ${url}/v1/chat/completions -H 'content-type: application/json' -d '${JSON.stringify(chat)}'\n`,
    );
    if (values.once) return;
    console.log(styleText('dim', 'Press Ctrl-C to stop.'));
    if (!stop.signal.aborted)
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    const closing = server.close({ signal: AbortSignal.abort() });
    await lamina.close();
    await closing;
  }
}

const modelsDir = await mkdtemp(join(tmpdir(), 'lamina-demo-'));
try {
  await demo(modelsDir);
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
} finally {
  await rm(modelsDir, { recursive: true, force: true });
}
