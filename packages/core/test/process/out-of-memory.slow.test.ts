// The system kills engines for lack of memory: Lamina runs in a control group with little of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ControlGroup } from './control-group.js';
import { estimatedBytes, greedyEnginesFile, type GreedyEngines } from './greedy-engines.js';

const memoryBytes = 400 * 1024 * 1024;
const killed = /the system killed the engine because memory ran out/;
const problem = ControlGroup.problem();
const title = 'an engine that the system kills for lack of memory';

(problem === undefined ? describe : describe.skip)(
  problem === undefined ? title : `${title} (skipped: ${problem})`,
  function () {
    this.timeout(60_000);
    let group: ControlGroup | undefined;
    let said: GreedyEngines;

    before(async () => {
      const made = (group = ControlGroup.create(memoryBytes));
      const { stdout } = await promisify(execFile)(...made.command(process.execPath, [greedyEnginesFile]));
      said = JSON.parse(stdout) as GreedyEngines;
    });

    after(() => group?.remove());

    it('while it loads is reported with the reason, by the error of the start and by the state', () => {
      const { code, outOfMemory, slot } = said.loading;
      assert.equal(code, 'MODEL_START_FAILED');
      assert.equal(outOfMemory, true);
      assert.equal(slot.state, 'failed');
      assert.match(slot.error?.message ?? '', killed);
    });

    it('while it serves is reported with the reason, by the error of the request and by the state', () => {
      const { code, slot } = said.serving;
      assert.equal(code, 'MODEL_SERVER_EXITED');
      assert.equal(slot.state, 'failed');
      assert.match(slot.error?.message ?? '', killed);
    });

    it('is given more memory at its next start', () => {
      const { memory } = said.serving.next;
      assert.equal(memory?.basis, 'learned');
      assert.equal(memory.reserved['host'], 1.25 * estimatedBytes);
    });
  },
);
