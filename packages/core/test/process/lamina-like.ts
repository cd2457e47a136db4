// A process that owns engines as Lamina does, to be killed by tests: prints the pids of its guard, its engine
// and that engine's child.
import { OrphanReaper } from '../../dist/process/orphan-reaper.js';
import { engineEnvironment } from '../../dist/process/environment.js';
import { ServerProcess } from '../../dist/process/server-process.js';
import { engineFile } from './engine.js';
import { testLog } from './engine-fixture.js';

export const laminaLikeFile = new URL('./lamina-like.js', import.meta.url).pathname;

export interface Pids {
  readonly guard: number;
  readonly engine: number;
  readonly grandchild: number;
}

async function main(dataDir: string): Promise<void> {
  const reaper = new OrphanReaper({ dataDir, log: testLog() });
  const engine = await ServerProcess.spawn({
    executable: process.execPath,
    args: [engineFile, '{"silent":true,"grandchild":true}'],
    env: engineEnvironment(process.env, []),
    guard: (pid) => reaper.guard(pid, { model: 'tiny' }),
    onLine: (_, text) => {
      const grandchild = Number(/^grandchild (\d+)$/.exec(text)?.[1]);
      console.log(JSON.stringify({ guard: reaper.guardPid!, engine: engine.pid, grandchild } satisfies Pids));
    },
  });
}

if (process.argv[1] === laminaLikeFile) await main(process.argv[2]!);
