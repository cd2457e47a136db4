// Writes what documents take from the code: the pages about errors, hooks and events, the AsyncAPI document; in every
// README the tables of options, the help of a command and the files it quotes. `--check` writes nothing and says what
// is out of date.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncApi } from './docs/asyncapi.mjs';
import { withCommandHelp } from './docs/command-help.mjs';
import { errorsPage } from './docs/errors-page.mjs';
import { eventsPage } from './docs/events-page.mjs';
import { hooksPage } from './docs/hooks-page.mjs';
import { withMembersTables } from './docs/members-table.mjs';
import { withOptionsTable } from './docs/options-table.mjs';
import { withQuotedFiles } from './docs/quoted-files.mjs';

const checking = process.argv.includes('--check');
process.chdir(join(import.meta.dirname, '..'));

mkdirSync('docs', { recursive: true });
bring('docs/errors.md', errorsPage());
bring('docs/hooks.md', hooksPage());
bring('docs/events.md', eventsPage());
bring('docs/asyncapi.json', `${JSON.stringify(asyncApi(), undefined, 2)}\n`);
for (const folder of ['.', ...readdirSync('packages').map((name) => join('packages', name))]) {
  const readme = join(folder, 'README.md');
  if (existsSync(readme))
    bring(
      readme,
      withQuotedFiles(
        withMembersTables(await withCommandHelp(await withOptionsTable(readFileSync(readme, 'utf8'), folder), folder)),
      ),
    );
}

function bring(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  if (!checking) writeFileSync(path, text);
  else process.exitCode = 1;
  console.error(checking ? `${path} is out of date: run npm run docs` : `${path} was brought up to date.`);
}
