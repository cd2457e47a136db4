// The package `ollama` for Python, unmodified, when the python3 in PATH has it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiKey, describeClient } from './engines.mjs';

const program = join(import.meta.dirname, 'ollama_client.py');
const isInstalled = spawnSync('python3', ['-c', 'import ollama'], { stdio: 'ignore' }).status === 0;
const features = {
  lists: 'lists and shows models',
  chat: 'chat',
  chat_streamed: 'chat, streamed',
  tools: 'tools that are Python functions, and the answer to their results',
  think: 'chat with think',
  structured: 'structured output',
  generate: 'generate',
  load: 'generate loads and unloads',
  embed: 'embed',
  copy: 'copy and delete',
  pull: 'pull',
  errors: 'errors have the class of the client',
};

describeClient('ollama (Python)', ({ server }) => {
  for (const [name, feature] of Object.entries(features)) {
    if (isInstalled)
      it(feature, async () => {
        const run = promisify(execFile)('python3', [program, server.url, apiKey, name]);
        await run.catch(({ stderr }) => assert.fail(stderr));
      });
    else it(`${feature} (skipped: python3 cannot import ollama)`);
  }
});
