// Checks before a download that its files and its entry in the manifest can be written.
import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { isReadOnlyError } from '../kernel/reason.js';

/** @throws LaminaError `CONFLICT` when the models directory, or the one with the manifest, cannot be written */
export async function requireWritable({ modelsDir, manifest }: Config): Promise<void> {
  await requireDirectory(modelsDir, 'models directory', '--models-dir');
  if (typeof manifest === 'object') return;
  const file = manifest ?? join(modelsDir, 'models.yaml');
  const real = await realpath(file).catch(() => file);
  await requireDirectory(dirname(real), 'directory of the manifest', '--manifest');
}

/** Other problems, such as a directory that does not exist yet, are left to whoever writes. */
async function requireDirectory(path: string, name: string, option: string): Promise<void> {
  const error: unknown = await access(path, constants.W_OK).catch((cause: unknown) => cause);
  if (!isReadOnlyError(error)) return;
  const reason = (error as NodeJS.ErrnoException).code === 'EROFS' ? 'read-only file system' : 'permission denied';
  const message = `The ${name} cannot be written (${reason}), so nothing can be downloaded. Make it writable, or choose another one with ${option}.`;
  throw new LaminaError('CONFLICT', { message }, { cause: error });
}
