// Packages for Python, unmodified, when the python3 in PATH has them. A program beside this file uses each.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiKey, describeClient } from './engines.mjs';

/** Package → the module that is imported, the program, its features, and the options of `describeClient`. */
const packages = {
  anthropic: {
    module: 'anthropic',
    program: 'anthropic_client.py',
    options: { withTranslation: true },
    features: {
      messages: 'messages',
      messages_streamed: 'messages, streamed',
      thinking: 'thinking',
      tools: 'tools, and the answer to their results',
      count_tokens: 'count of tokens',
      models: 'models',
      errors: 'errors have the classes of the client',
    },
  },
  ollama: {
    module: 'ollama',
    program: 'ollama_client.py',
    features: {
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
    },
  },
  openai: {
    module: 'openai',
    program: 'openai_client.py',
    features: {
      models: 'lists models',
      chat: 'chat',
      chat_streamed: 'chat, streamed with usage',
      tools: 'tools, and the answer to their results',
      completions: 'completions',
      embeddings: 'embeddings',
      responses: 'responses',
      responses_streamed: 'responses, streamed with a tool',
      errors: 'errors have the classes of the client',
    },
  },
  'openai-agents': {
    module: 'agents',
    program: 'openai_agents_client.py',
    features: {
      run: 'a run',
      run_with_tool: 'a run with a tool',
      streamed_run_with_tool: 'a streamed run with a tool',
    },
  },
};

for (const [client, { module, program, features, options }] of Object.entries(packages)) {
  const isInstalled = spawnSync('python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;
  const define = ({ server }) => {
    for (const [name, feature] of Object.entries(features)) {
      if (isInstalled)
        it(feature, async () => {
          const run = promisify(execFile)('python3', [join(import.meta.dirname, program), server.url, apiKey, name]);
          await run.catch(({ stderr }) => assert.fail(stderr));
        });
      else it(`${feature} (skipped: python3 cannot import ${module})`);
    }
  };
  describeClient(`${client} (Python)`, define, options);
}
