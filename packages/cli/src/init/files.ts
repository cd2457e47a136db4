// The files that `lamina init` writes: a manifest and a configuration, with comments that show what else they may say.
import { dirname, isAbsolute, relative, sep } from 'node:path';
import { showBytes } from '../amounts.js';
import type { FoundModel, Machine } from './machine.js';

const pages = 'https://github.com/lamina-ai/lamina/blob/main/packages';

/** The manifest with the models that were found. */
export function manifestText(found: readonly FoundModel[]): string {
  const entries = found.map(({ name, entry }) => `  ${yaml(name)}:\n    path: ${yaml(entry.path!)}\n`);
  const head =
    found.length === 0
      ? ''
      : '  # Files of other programs, used where they are. Delete the entries that you do not want.\n';
  return `# The models of Lamina. "lamina pull" and "lamina install" add entries, and "lamina validate" checks this file.
# Model files in the models directory are served without an entry, too.
# All keys: ${pages}/core/README.md
models:
${head}${entries.join('')}${found.length === 0 ? '' : '\n'}  # What an entry may say:
  # llama3.2-3b:
  #   path: llama3.2-3b.gguf         # relative to the models directory, absolute, or ~/...
  #   aliases: [llama]               # other names for it
  #   options: { ctx_size: 8192 }    # options of its engine
  #   pinned: true                   # never unloaded
`;
}

/** The configuration with the models directory; everything else has its default and is a comment. */
export function configurationText(modelsDir: string, file: string, { memory }: Machine): string {
  const total = showBytes(memory.totalBytes);
  return `# The configuration of lamina and lamina-server. Flags, and environment variables such as LAMINA_PORT, override it.
# "lamina config" shows every setting and where its value came from.
# All keys: ${pages}/config/README.md
modelsDir: ${yaml(pathFrom(file, modelsDir))}

# limits:
#   memory: ${`${Math.max(1, Math.floor(memory.budgetBytes / 1e9))}GB`.padEnd(20)} # for all models together; this machine has ${total}
#   maxLoaded: 2                 # models that are loaded at the same time
#   idleTimeout: 300             # seconds until a model without requests is unloaded; 0: never
# server:
#   host: 127.0.0.1              # 0.0.0.0 serves other machines, and needs keys
#   port: 11500
#   apiKeyFile: ./lamina.keys    # one key per line
`;
}

/** A directory as the file names it: relative when it is beside or below the file. */
function pathFrom(file: string, directory: string): string {
  const way = relative(dirname(file), directory);
  const isBelow = way !== '' && !way.startsWith('..') && !isAbsolute(way);
  return isBelow ? `./${way.split(sep).join('/')}` : directory;
}

/** Text that YAML reads as text. JSON is YAML. */
function yaml(text: string): string {
  return /^[a-z_./~][\w./~-]*$/i.test(text) && !/^(true|false|null|yes|no|on|off|~|\.nan|\.inf)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
