// Lamina in an application, without a server: node examples/dist/embed.js <models directory> <model>
import { createLamina } from '@lamina/core';
import { llamacpp } from '@lamina/plugin-llamacpp';

const [modelsDir = 'models', model = 'llama'] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [llamacpp({ context_length: 1024 })] });
lamina.events.on('model.state', ({ from, to }) => console.log(`${model}: ${from} → ${to}`));
try {
  const messages = [{ role: 'user', content: 'Who are you?' }];
  const answer = lamina.chat({ model, messages }, { signal: AbortSignal.timeout(60_000) });
  for await (const { choices } of answer) process.stdout.write(choices[0]?.delta.content ?? '');
  console.log(`\n${answer.usage?.completion_tokens} tokens`);
} finally {
  await lamina.close();
}
