// The models directory and the data directory: rights, free space, and who uses them.
import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findDataDir } from '@lamina/core/find-server';
import { showBytes } from '../amounts.js';
import type { Check } from './check.js';

/** Less than this is too little for most models. */
const lowBytes = 2e9;

/** The models directory. */
export const modelsDirectoryCheck: Check = {
  id: 'models_directory',
  title: 'Models folder',
  async run({ modelsDir }) {
    const kind = await stat(modelsDir).catch((error: NodeJS.ErrnoException) => error.code);
    if (kind === 'ENOENT') return problem('warning', `${modelsDir} does not exist yet`, 'lamina init');
    if (typeof kind !== 'object' || !kind.isDirectory())
      return problem('error', `${modelsDir} is no directory`, 'lamina init <directory>');
    if ((await readdir(modelsDir).catch(() => undefined)) === undefined)
      return problem('error', `${modelsDir} cannot be read`, `chmod u+rx ${modelsDir}`);
    const { bavail, bsize } = await statfs(modelsDir);
    const free = `${showBytes(bavail * bsize)} free`;
    if (!(await canWrite(modelsDir)))
      return problem(
        'warning',
        `${modelsDir} cannot be written, so nothing can be downloaded`,
        `chmod u+w ${modelsDir}`,
      );
    if (bavail * bsize < lowBytes)
      return problem(
        'warning',
        `The disk of ${modelsDir} has only ${free}`,
        'lamina list, then lamina rm <model> --files',
      );
    return { summary: `${modelsDir}, ${free}` };
  },
};

/** The data directory, and the process that owns it. */
export const dataDirectoryCheck: Check = {
  id: 'data_directory',
  title: 'Data folder',
  async run({ configuration: { lamina }, modelsDir, io }) {
    const { dataDir, owner } = await findDataDir({ ...lamina, modelsDir, env: io.env });
    if (!(await canWrite(dataDir)))
      return problem('error', `${dataDir} cannot be written`, 'Choose another one with --data-dir');
    const who =
      owner === undefined ? 'not in use' : `in use by ${owner.isCommand ? 'a command' : 'process'} ${owner.pid}`;
    return { summary: `${dataDir}, ${who}` };
  },
};

function problem(status: 'warning' | 'error', detail: string, fix: string) {
  return { summary: detail, problems: [{ status, detail, fix }] };
}

/** Whether a directory, or the nearest one above it that exists, can be written. */
async function canWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' && dirname(path) !== path ? canWrite(dirname(path)) : false;
  }
}
