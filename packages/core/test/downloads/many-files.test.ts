// A model with many files: few of them are open at a time, and a list that is too long for a model is refused.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { definePlugin, type DownloadPlan } from '@lamina/core/plugin';
import { honest, ggufBytes } from './hostile-server.js';
import { withDownloads } from './harness.js';

/** A source whose references are numbers: a model with so many files below the origin. */
const counting = (origin: () => string) =>
  definePlugin({
    name: 'counting',
    setup: (lamina) =>
      lamina.addSource({
        name: 'counting',
        resolve: (reference) =>
          Promise.resolve(
            typeof reference !== 'number'
              ? undefined
              : ({
                  source: 'counting',
                  reference,
                  model: {},
                  files: Array.from({ length: reference }, (_, index) => {
                    const path = `${index}.bin`;
                    return { path, bytes: 1000, from: { key: path } };
                  }),
                } satisfies DownloadPlan),
          ),
        locate: ({ path }) => Promise.resolve({ url: `${origin()}/${path}` }),
      }),
  })();

/** The part files that this process has open; Linux only. */
function openParts(): number {
  const targets = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return ''; // Closed meanwhile.
    }
  });
  return new Set(targets.filter((path) => path.endsWith('.part'))).size;
}

describe('a model with many files', () => {
  const measured = existsSync('/proc/self/fd');
  (measured ? it : it.skip)(
    `is downloaded with at most 32 files open${measured ? '' : ' (skipped: there is no /proc)'}`,
    async () => {
      let origin = '';
      let most = 0;
      await withDownloads(
        async ({ lamina, server }) => {
          ({ origin } = server);
          for (let index = 0; index < 100; index += 1)
            server.serve(`/${index}.bin`, ggufBytes(1000), (exchange) => {
              most = Math.max(most, openParts());
              honest(exchange);
            });
          const { id } = await lamina.downloads.start({ reference: 100, name: 'many' });
          assert.equal((await lamina.downloads.wait(id)).state, 'finished');
          assert.ok(most > 1 && most <= 32, `${most} files were open`);
        },
        { plugins: [counting(() => origin)] },
      );
    },
  );

  it('is refused when no model has so many', () =>
    withDownloads(
      async ({ lamina }) => {
        await assert.rejects(lamina.downloads.start({ reference: 10_001, name: 'many' }), {
          code: 'SOURCE_UNREACHABLE',
          message: 'The source counting lists 10001 files, too many for a model. Check the reference.',
        });
      },
      { plugins: [counting(() => '')] },
    ));
});
