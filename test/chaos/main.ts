// npm run chaos -- [--minutes number] [--seed number] [--keep]: mixed clients and faults against a real lamina-server,
// and a table of the results.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { models } from './models.js';
import { run } from './run.js';

const usage = 'Usage: npm run chaos -- [--minutes number, default 2] [--seed number] [--keep]';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.minutes) * 60;
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
    console.error(usage);
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'lamina-chaos-'));
  console.log(`${seconds} s with seed ${seed} on ${models.map(({ name }) => name).join(', ')}; logs in ${folder}\n`);
  const tally = await run({ seconds, seed, folder });
  tally.print();
  if (tally.clean && !values.keep) await rm(folder, { recursive: true });
  else console.log(`The logs of the servers are in ${folder}`);
  console.log(
    tally.clean
      ? 'Nothing wrong, lost, leaked or INTERNAL; no request took longer than its bound.'
      : 'There are faults.',
  );
  return tally.clean ? 0 : 1;
}

process.exitCode = await main();
