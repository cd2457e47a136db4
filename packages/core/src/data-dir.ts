// Where Lamina keeps its state by default: in the models directory, or in the user's data home if that is read-only.
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Config } from './contract/config.js';
import { LaminaError } from './contract/errors.js';
import { isReadOnlyError } from './kernel/reason.js';

/**
 * `.lamina` in the models directory when it can be written; otherwise a directory for these models in the data home of
 * the user. Creates nothing.
 * @throws LaminaError `CONFIG_INVALID` for an owner without a home directory
 */
export function defaultDataDir({ modelsDir, mode, env }: Pick<Config, 'modelsDir' | 'mode' | 'env'>): string {
  const inside = join(modelsDir, '.lamina');
  // The owner may be another user, who can write there.
  if (canWrite(inside) || (mode === 'attached' && existsSync(inside))) return inside;
  const home = dataHome(env);
  if (home !== undefined) return join(home, 'lamina', directoryName(modelsDir));
  if (mode === 'attached') return inside;
  const message = `The models directory ${modelsDir} cannot be written, and this user has no home directory. Choose a directory for the state of Lamina with --data-dir.`;
  throw new LaminaError('CONFIG_INVALID', { message });
}

/** Whether a path, or the nearest existing directory above it, can be written. */
function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path) return canWrite(dirname(path));
    return !isReadOnlyError(error);
  }
}

/** Readable, and unique for the real path of the models directory. */
function directoryName(modelsDir: string): string {
  const real = existsSync(modelsDir) ? realpathSync(modelsDir) : modelsDir;
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 12);
  return `${basename(real)
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 40)}-${hash}`;
}

/** The directory for data of programs; `undefined` without a home directory. */
function dataHome(env: Config['env']): string | undefined {
  const { XDG_DATA_HOME: xdg, LOCALAPPDATA: local } = env;
  if (process.platform === 'win32' && local !== undefined) return local;
  // The XDG specification ignores relative paths.
  if (process.platform === 'linux' && xdg !== undefined && isAbsolute(xdg)) return xdg;
  const home = env['HOME'] || homeOfUser();
  if (home === undefined) return undefined;
  const below = { win32: 'AppData/Local', darwin: 'Library/Application Support' } as Readonly<Record<string, string>>;
  return join(home, below[process.platform] ?? '.local/share');
}

/** In a container, a user may have no entry in /etc/passwd. */
function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}
