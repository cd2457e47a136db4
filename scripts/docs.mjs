// Generates the parts of the documentation that come from code: the pages on commands, errors, hooks and events, the OpenAPI and
// AsyncAPI documents, the types of the client, and in every README and guide the option tables, the help of a command
// and the quoted files. `--check` writes nothing and lists what is out of date.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { clientTypes } from './docs/client-types.mjs';
import { commandsPage, withCommandHelp } from './docs/command-help.mjs';
import { errorsPage } from './docs/errors-page.mjs';
import { eventsPage } from './docs/events-page.mjs';
import { hooksPage } from './docs/hooks-page.mjs';
import { withMembersTables } from './docs/members-table.mjs';
import { withOptionsTable } from './docs/options-table.mjs';
import { withQuotedFiles } from './docs/quoted-files.mjs';
import { servedDocuments } from './docs/served-documents.mjs';

const checking = process.argv.includes('--check');
process.chdir(join(import.meta.dirname, '..'));

mkdirSync('docs', { recursive: true });
await update('docs/commands.md', await commandsPage());
await update('docs/errors.md', errorsPage());
await update('docs/hooks.md', hooksPage());
await update('docs/events.md', eventsPage());
for (const [path, document] of Object.entries(await servedDocuments()))
  await update(path, JSON.stringify(document, undefined, 2));
await update('packages/client/src/wire.ts', clientTypes());
for (const folder of ['.', ...readdirSync('packages').map((name) => join('packages', name))]) {
  const readme = join(folder, 'README.md');
  if (existsSync(readme))
    await update(
      readme,
      withQuotedFiles(
        withMembersTables(await withCommandHelp(await withOptionsTable(readFileSync(readme, 'utf8'), folder))),
      ),
    );
}
for (const name of readdirSync('docs/guide'))
  await update(join('docs/guide', name), withQuotedFiles(readFileSync(join('docs/guide', name), 'utf8')));

/** Writes `text` as Prettier formats it, so that the same file passes both this check and Prettier's. */
async function update(path, text) {
  const formatted = await format(text, { ...(await resolveConfig(path)), filepath: path });
  if (existsSync(path) && readFileSync(path, 'utf8') === formatted) return;
  if (checking) process.exitCode = 1;
  else writeFileSync(path, formatted);
  console.error(checking ? `${path} is out of date: run npm run docs` : `${path} updated`);
}
