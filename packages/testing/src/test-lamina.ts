// A Lamina for one test, in a temporary folder that is deleted when it closes.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Lamina, type LaminaOptions, createLamina } from '@lamina/core';

/** The options of {@link createTestLamina}. */
export interface TestLaminaOptions extends Omit<LaminaOptions, 'modelsDir' | 'dataDir'> {
  /**
   * Files to write into the models directory: path → content. With `fakePlugin()`, a file whose name ends in `.fake` and
   * that the manifest names is a model, whatever its content. A path that leaves the directory is an error.
   */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** A Lamina for a test. `close` also deletes its folder. */
export interface TestLamina extends Lamina {
  /** Its models directory. */
  readonly modelsDir: string;
}

/**
 * Creates a Lamina in a temporary folder. It logs nothing unless `log` is set.
 * @throws what `createLamina` throws, and Error for a file outside the models directory; the folder is deleted
 * @example
 * ```ts
 * const lamina = await createTestLamina({ plugins: [fakePlugin()], files: { 'models.yaml': 'models: {}' } });
 * ```
 */
export async function createTestLamina({ files = {}, ...options }: TestLaminaOptions = {}): Promise<TestLamina> {
  const folder = await mkdtemp(join(tmpdir(), 'lamina-test-'));
  const modelsDir = join(folder, 'models');
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await writeFiles(modelsDir, files);
    const lamina = await createLamina({ log: 'silent', ...options, modelsDir, dataDir: join(folder, 'data') });
    return Object.freeze({
      ...lamina,
      // What a getter returns can change, such as whether a host has read an extension point.
      get plugins() {
        return lamina.plugins;
      },
      modelsDir,
      close: (closing?: { signal?: AbortSignal }) => lamina.close(closing).finally(remove),
    } satisfies TestLamina);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function writeFiles(modelsDir: string, files: NonNullable<TestLaminaOptions['files']>): Promise<void> {
  await mkdir(modelsDir);
  for (const [name, content] of Object.entries(files)) {
    const path = join(modelsDir, name);
    if (relative(modelsDir, path).startsWith('..'))
      throw new Error(`The file "${name}" is outside the models directory.`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}
