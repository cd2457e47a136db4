// Builds the page into static files, each text also compressed, so that the server compresses nothing.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const outDir = join(import.meta.dirname, '../dist/page');

function compressed(): Plugin {
  return {
    name: 'compressed',
    async closeBundle() {
      for (const entry of await readdir(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = await readFile(path);
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, { params }));
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
      }
    },
  };
}

/**
 * Without `crossorigin`, browsers do not send the origin of the page for its styles. Where a proxy changes the host, the
 * server refuses the scripts, for which they always send it; the page then says so, with its styles.
 */
function sameOrigin(): Plugin {
  return {
    name: 'same-origin',
    enforce: 'post',
    transformIndexHtml: (html) => html.replaceAll(' crossorigin', ''),
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './', // Relative URLs: the page may be below any path.
  plugins: [sameOrigin(), compressed()],
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0, // The content security policy allows no data: scripts and styles.
    license: { fileName: 'licenses.md' }, // Of the libraries that are part of the page.
    modulePreload: { polyfill: false },
    // @lamina/client imports it in Node only.
    rolldownOptions: { external: ['ws'] },
  },
});
