// Deletes compiled files without a TypeScript source. `tsc -b` keeps them, and mocha would run deleted tests.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const pairs = readdirSync('packages').flatMap((name) => [
  [join('packages', name, 'dist'), join('packages', name, 'src')],
  [join('packages', name, 'dist-test'), join('packages', name, 'test')],
  [join('packages', name, 'page', 'dist'), join('packages', name, 'page', 'src')],
]);
for (const folder of ['test', 'examples', 'bench']) pairs.push([join(folder, 'dist'), folder]);

for (const [compiled, source] of pairs) {
  if (!existsSync(compiled)) continue;
  for (const file of readdirSync(compiled, { recursive: true }).map(String)) {
    const stem = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file)?.[1];
    if (stem === undefined || file.startsWith('page/')) continue; // The page is built by Vite, which empties its folder.
    if (!['.ts', '.tsx'].some((extension) => existsSync(join(source, `${stem}${extension}`))))
      rmSync(join(compiled, file));
  }
}
