// The package as it is published: small, and without core.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

  it('has types that need no other package, and no types of browsers', () => {
    const reached = new Set(['index.d.ts']);
    const others: string[] = [];
    // A set also visits what is added meanwhile.
    for (const name of reached) {
      const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(readFileSync(dist + name, 'utf8'));
      for (const { fileName } of [...importedFiles, ...typeReferenceDirectives])
        if (fileName.startsWith('./')) reached.add(fileName.slice(2).replace(/js$/, 'd.ts'));
        else others.push(fileName);
    }
    assert.deepEqual(others, []);
    assert.ok(reached.has('wire.d.ts'));
    assert.ok(!reached.has('link.d.ts'), 'it has the type WebSocket');
  });
});
