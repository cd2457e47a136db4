import type { ModelServer } from '@lamina/core/plugin';
import { backendConformance, testedVersion, type BackendKit } from '@lamina/testing';
import { mlcBackend } from '../dist/backend.js';
import { file, modelOf, writeModel } from './model.js';
import { describeStandIn, Ground } from './stand-in.js';

describeStandIn('the stand-in for MLC-LLM passes the backend conformance suite', function () {
  this.timeout(120_000);
  let ground: Ground;
  before(async () => {
    ground = await Ground.open();
    Object.assign(options, { executable: ground.executable });
    Object.assign(env, ground.env);
  });
  after(() => ground.close());

  const options = { device: 'cpu' };
  const env: Record<string, string | undefined> = {};
  const kit: BackendKit = {
    type: mlcBackend(),
    options,
    env,
    model: () => ground.model('mia'),
    async brokenModel() {
      await writeModel(ground.path('broken'), 'I am broken.', { quantization: 'q9f99' });
      return modelOf({ name: 'broken', files: [file('weights', ground.path('broken'))] });
    },
    says: () => 'I am mia.',
    embedding: { embedding_model: '/models/embedding' },
    reach: {
      options: { mode: 'interactive', max_total_seq_length: 512 },
      verify: ({ info }: ModelServer) => {
        if (info.parallel !== 1 || info.contextLength !== 512)
          throw new Error(`It computes ${info.parallel} requests of ${info.contextLength} tokens.`);
      },
    },
    // It ends only after its clients have disconnected, so every stop during a stream ends in a kill.
    limits: { startMs: 20_000, answerMs: 10_000, stopMs: 8_000, killMs: 4_000 },
    skip: {
      'the memory estimate is positive and grows with the context':
        'MLC-LLM plans its memory itself, by mode and device, and reports what does not fit',
      'the key is not on a command line': 'MLC-LLM accepts its key on the command line only',
      'a server responds after sleep and wake': 'MLC-LLM cannot sleep',
    },
  };

  before(async function () {
    Object.assign(this, { engine: 'MLC-LLM: a stand-in', version: await testedVersion(kit) });
  });
  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (skipped: ${skip})`, run);
  }
});
