// The package `anthropic` for Python, unmodified, when the python3 in PATH has it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiKey, describeClient } from './engines.mjs';

const program = join(import.meta.dirname, 'anthropic_client.py');
const isInstalled = spawnSync('python3', ['-c', 'import anthropic'], { stdio: 'ignore' }).status === 0;
const features = {
  messages: 'messages',
  messages_streamed: 'messages, streamed',
  thinking: 'thinking',
  tools: 'tools, and the answer to their results',
  count_tokens: 'count of tokens',
  models: 'models',
  errors: 'errors have the classes of the client',
};

describeClient(
  'anthropic (Python)',
  ({ server }) => {
    for (const [name, feature] of Object.entries(features)) {
      if (isInstalled)
        it(feature, async () => {
          const run = promisify(execFile)('python3', [program, server.url, apiKey, name]);
          await run.catch(({ stderr }) => assert.fail(stderr));
        });
      else it(`${feature} (skipped: python3 cannot import anthropic)`);
    }
  },
  { withTranslation: true },
);
