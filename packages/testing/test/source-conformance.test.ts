// The source kit detects faulty sources: each of these has one defect, and its case fails with what to change.
import assert from 'node:assert/strict';
import { LaminaError, type Source } from '@lamina/core/plugin';
import { sourceConformance, type SourceCaseName, type SourceKit } from '@lamina/testing';

/** A correct source except for these members. */
function sourceWith(change: Partial<Record<keyof Source, unknown>>): Source {
  const source: Source = {
    name: 'shelf',
    async resolve(reference) {
      await Promise.resolve();
      if (reference === 'shelf:none')
        throw new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: 'shelf', reference, hint: '' });
      if (reference === 'shelf:gated') throw new LaminaError('SOURCE_DENIED', { message: 'The model is gated.' });
      if (reference !== 'shelf:tiny') return undefined;
      return { source: 'shelf', reference, model: {}, files: [{ path: 'tiny.gguf', from: { key: 'tiny' } }] };
    },
    locate: () => Promise.resolve({ url: 'https://example.org/tiny.gguf' }),
    search: ({ text }) => Promise.resolve(text === 'tiny' ? [{ reference: 'shelf:tiny' }] : []),
  };
  return { ...source, ...change } as Source;
}

function kitOf(source: Source): SourceKit {
  return { source: () => source, reference: 'shelf:tiny', missing: 'shelf:none', denied: 'shelf:gated', query: 'tiny' };
}

function caseOf(source: Source, name: SourceCaseName) {
  return sourceConformance(kitOf(source)).find((each) => each.name === name)!;
}

const defects: readonly (readonly [string, SourceCaseName, Partial<Record<keyof Source, unknown>>, RegExp])[] = [
  [
    'has no resolve',
    'resolves its reference to a plan with safe, unique paths and its own name',
    { resolve: undefined },
    /The source "shelf" has no resolve\(\)\. A source is \{ name, resolve, locate \}\./,
  ],
  [
    'has no locate',
    'locates each file of its plan, also after a restart',
    { locate: undefined },
    /The source "shelf" has no locate\(\)\./,
  ],
  [
    'ignores that a model does not exist',
    'rejects a missing model with a message',
    { resolve: () => Promise.resolve(undefined) },
    /returned undefined\. Reject with a LaminaError whose code is SOURCE_MODEL_NOT_FOUND or SOURCE_DENIED\./,
  ],
  [
    'throws another error for a missing model',
    'rejects a missing model with a message',
    { resolve: () => Promise.reject(new TypeError('fetch failed')) },
    /threw TypeError: fetch failed\. Reject with a LaminaError whose code is SOURCE_MODEL_NOT_FOUND or SOURCE_DENIED\./,
  ],
  [
    'throws another code for a gated model',
    'rejects a denied model with a message',
    {
      resolve: () =>
        Promise.reject(new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: 'shelf', reference: 'x', hint: '' })),
    },
    /threw SOURCE_MODEL_NOT_FOUND: .*\. Reject with a LaminaError whose code is SOURCE_DENIED\./,
  ],
  [
    'cannot be searched',
    'finds models that it resolves',
    { search: undefined },
    /the source cannot be searched; skip this case/,
  ],
  [
    'finds what it does not resolve',
    'finds models that it resolves',
    { search: () => Promise.resolve([{ reference: 'tiny' }]) },
    /does not recognise "tiny", which it found/,
  ],
  [
    'ignores the limit of a search',
    'finds models that it resolves',
    { search: () => Promise.resolve([{ reference: 'shelf:tiny' }, { reference: 'shelf:tiny' }]) },
    /with the limit 1 found 2 models/,
  ],
];

describe('a source that', () => {
  for (const [defect, failingCase, change, message] of defects) {
    it(`${defect} fails "${failingCase}"`, async () => {
      await caseOf(sourceWith({}), failingCase).run();
      await assert.rejects(caseOf(sourceWith(change), failingCase).run(), message);
    });
  }
});
