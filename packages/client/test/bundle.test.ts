// The package as it is published: small, and without core.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, stop } from 'esbuild';
import ts from 'typescript';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

describe('the package', () => {
  after(() => stop());

  it('has less than 6 kB in a compressed bundle for browsers', async () => {
    const { outputFiles } = await build({
      entryPoints: [`${dist}index.js`],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'browser',
    });
    const { length } = gzipSync(outputFiles[0]!.contents, { level: 9 });
    console.log(`      ${outputFiles[0]!.contents.length} bytes, ${length} compressed`);
    assert.ok(length < 6000, String(length));
  });

  it('has types that import no other package', () => {
    for (const name of readdirSync(dist).filter((name) => name.endsWith('.d.ts'))) {
      const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(readFileSync(dist + name, 'utf8'));
      const imported = [...importedFiles, ...typeReferenceDirectives].map(({ fileName }) => fileName);
      assert.deepEqual(
        imported.filter((path) => !path.startsWith('./')),
        [],
        name,
      );
    }
  });
});
