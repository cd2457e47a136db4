import assert from 'node:assert/strict';
import { progressOf } from '../dist/progress.js';

describe('a line of vLLM', () => {
  const lines: readonly (readonly [line: string, says: ReturnType<typeof progressOf>])[] = [
    [
      '(APIServer pid=1) INFO 08-20 10:00:00 [model.py:631] Resolved architecture: LlamaForCausalLM',
      { stage: 'reading the model' },
    ],
    [
      '(EngineCore pid=2) INFO 08-20 10:00:00 [core.py:97] Initializing a V1 LLM engine (v0.32.0) with config',
      { stage: 'starting the engine' },
    ],
    [
      '(Worker pid=3) INFO 08-20 10:00:00 [gpu_model_runner.py:3259] Starting to load model /models/tiny...',
      { stage: 'loading weights' },
    ],
    [
      '(Worker pid=3) Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:01<00:01,  1.70it/s]',
      { stage: 'loading weights', ratio: 0.5 },
    ],
    [
      '(Worker pid=3) INFO 08-20 10:00:00 [gpu_model_runner.py:3338] Model loading took 14.99 GiB memory and 3.1 seconds',
      { stage: 'weights loaded' },
    ],
    ['(Worker pid=3) INFO 08-20 10:00:00 [monitor.py:34] torch.compile takes 12.10 s in total', { stage: 'compiling' }],
    ['Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 100%', { stage: 'capturing graphs' }],
    [
      '(EngineCore pid=2) INFO 08-20 10:00:00 [kv_cache_utils.py:1229] GPU KV cache size: 345,248 tokens',
      { stage: 'making context' },
    ],
    [
      '(APIServer pid=1) INFO 08-20 10:00:00 [api_server.py:1346] Starting vLLM server on http://127.0.0.1:8000',
      { stage: 'opening the port' },
    ],
    ['(APIServer pid=1) INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200 OK', undefined],
  ];
  for (const [line, says] of lines)
    it(`reports ${JSON.stringify(says) ?? 'nothing'}`, () => assert.deepEqual(progressOf(line), says));
});
