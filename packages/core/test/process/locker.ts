// A process that tries to own a data directory when told to, reports the result, and holds it until told to
// end.
import { createInterface } from 'node:readline';
import { lockDataDir } from '../../dist/process/lock.js';

export const lockerFile = new URL('./locker.js', import.meta.url).pathname;

if (process.argv[1] === lockerFile) {
  const orders = createInterface(process.stdin)[Symbol.asyncIterator]();
  console.log('here');
  await orders.next();
  console.log(
    await lockDataDir(process.argv[2]!).then(
      () => 'won',
      (error: { code: string }) => error.code,
    ),
  );
  await orders.next();
  process.exit();
}
