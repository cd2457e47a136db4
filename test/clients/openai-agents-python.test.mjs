// The package `openai-agents` for Python, unmodified, when the python3 in PATH has it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiKey, describeClient } from './engines.mjs';

const program = join(import.meta.dirname, 'openai_agents_client.py');
const isInstalled = spawnSync('python3', ['-c', 'import agents'], { stdio: 'ignore' }).status === 0;
const features = {
  run: 'a run',
  run_with_tool: 'a run with a tool',
  streamed_run_with_tool: 'a streamed run with a tool',
};

describeClient('openai-agents (Python)', ({ server }) => {
  for (const [name, feature] of Object.entries(features)) {
    if (isInstalled)
      it(feature, async () => {
        const run = promisify(execFile)('python3', [program, server.url, apiKey, name]);
        await run.catch(({ stderr }) => assert.fail(stderr));
      });
    else it(`${feature} (skipped: python3 cannot import agents)`);
  }
});
