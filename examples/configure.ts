// Replaces the scheduling policy and the clock of a Lamina: node examples/dist/configure.js <models directory> <models…>
import { createLamina, tokens, type Clock, type Policy } from '@lamina/core';
import { fakePlugin } from '@lamina/testing';

/** Serves the queue in order, and evicts the model that loads fastest. */
const policy: Policy = {
  order: ({ waiters }) => waiters.map(({ id }) => id),
  victims: ({ need, running }) => {
    const idle = running.filter(({ evictable }) => evictable).sort((a, b) => a.loadMs - b.loadMs);
    console.log(`${need.model} needs memory, idle: ${idle.map(({ model }) => model).join(', ')}`);
    return idle.slice(0, 1).map(({ model }) => model);
  },
  backoffMs: (failures) => failures * 5_000,
};

/** Runs sixty times as fast, so that models become idle after seconds. */
const speed = 60;
const clock: Clock = {
  now: () => performance.now() * speed,
  date: (time = clock.now()) => new Date(Date.now() + (time - clock.now()) / speed),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms / speed).unref();
    return () => clearTimeout(timer);
  },
};

const [modelsDir = 'models', ...models] = process.argv.slice(2);
const lamina = await createLamina({
  modelsDir,
  plugins: [fakePlugin()],
  limits: { idleTimeout: 60, maxLoaded: 1 },
  configure(container) {
    container.rebind(tokens.Policy).toConstantValue(policy);
    container.rebind(tokens.Clock).toConstantValue(clock);
  },
});
const signal = AbortSignal.timeout(30_000);
for (const model of models) (await lamina.runtime.acquire(model, { signal })).release({ served: true });
const { model } = await lamina.events.once('model.state', { signal, where: ({ to }) => to === 'sleeping' });
console.log(`${model} sleeps: it was idle`);
await lamina.close();
