// Lamina in an application, without a server: node examples/dist/embed.js <models directory> <model>
import { createLamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';

const [modelsDir = 'models', model = 'llama'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [llamacpp({ context_length: 1024 })] });
lamina.events.on('model.state', ({ from, to }) => console.log(`${model}: ${from} → ${to}`));
try {
  const lease = await lamina.runtime.acquire(model, { signal: AbortSignal.timeout(60_000) });
  const { baseUrl, headers } = lease.endpoint();
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Who are you?' }] });
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
  const answer = (await response.json()) as { choices: { message: { content: string } }[] };
  console.log(answer.choices[0]?.message.content);
  lease.release({ served: response.ok });
} finally {
  await lamina.close();
}
