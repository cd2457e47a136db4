// A test runner that hangs in the middle of a conformance case: prints the pid of the engine, then waits for an interrupt
// or for a line on its standard input, which makes it exit.
import { once } from 'node:events';
import { backendConformance, fakeBackend } from '@lamina/testing';
import { fakeModel } from './fake-model.js';

const [folder, name] = process.argv.slice(2) as [string, string];
const [only] = backendConformance({
  type: fakeBackend(),
  model: () => fakeModel(folder, 'good'),
  reach: {
    options: {},
    async verify({ pid }) {
      console.log(pid);
      await once(process.stdin, 'data');
      process.exit(3);
    },
  },
}).filter((one) => one.name === name);
await only!.run();
