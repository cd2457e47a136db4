// The package `openai` for Python, unmodified, when the python3 in PATH has it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiKey, describeClient } from './engines.mjs';

const program = join(import.meta.dirname, 'openai_client.py');
const isInstalled = spawnSync('python3', ['-c', 'import openai'], { stdio: 'ignore' }).status === 0;
const features = {
  models: 'lists models',
  chat: 'chat',
  chat_streamed: 'chat, streamed with usage',
  tools: 'tools, and the answer to their results',
  completions: 'completions',
  embeddings: 'embeddings',
  responses: 'responses',
  responses_streamed: 'responses, streamed with a tool',
  errors: 'errors have the classes of the client',
};

describeClient('openai (Python)', ({ server }) => {
  for (const [name, feature] of Object.entries(features)) {
    if (isInstalled)
      it(feature, async () => {
        const run = promisify(execFile)('python3', [program, server.url, apiKey, name]);
        await run.catch(({ stderr }) => assert.fail(stderr));
      });
    else it(`${feature} (skipped: python3 cannot import openai)`);
  }
});
