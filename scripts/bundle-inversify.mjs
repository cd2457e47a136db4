// Compiles the one module of core that imports inversify together with all of inversify, and the licences of what it
// bundles. Core works without this step too, but starts slower.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const { metafile, outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['packages/core/src/kernel/inversify.ts'],
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  metafile: true,
  write: false,
});
const folders = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
);
const licences = [...folders].map((folder) => `${folder.replace(/^.*node_modules\//, '')}\n\n${licenceOf(folder)}`);
const banner = `/*! Bundled packages and their licences:\n\n${licences.join('\n\n')}\n*/\n`;
writeFileSync(join(root, 'packages/core/dist/kernel/inversify.js'), banner + outputFiles[0].text);

function licenceOf(folder) {
  const names = readdirSync(join(root, folder)).filter((name) => /^(license|copyright)/i.test(name));
  if (names.length === 0) throw new Error(`${folder} has no file with its licence.`);
  const texts = names.map((name) => readFileSync(join(root, folder, name), 'utf8').trim());
  return texts.join('\n\n').replaceAll('*/', '* /');
}
