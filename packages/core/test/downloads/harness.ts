// Shared by tests of downloads: a Lamina without engines, short time limits, and a hostile server.
import { createTestLamina, type TestLamina, type TestLaminaOptions } from '@lamina/testing';
import { HostileServer } from './hostile-server.js';

/** Limits that keep tests short. */
export const impatient = { stallTimeout: 0.3, retryDelay: 0.01, maxRetries: 3 };

export interface Harness {
  readonly lamina: TestLamina;
  readonly server: HostileServer;
}

/** Runs a test with both, and closes them. */
export async function withDownloads(
  run: (harness: Harness) => Promise<void>,
  options: TestLaminaOptions = {},
): Promise<void> {
  const server = await HostileServer.open();
  const lamina = await createTestLamina({ ...options, downloads: { ...impatient, ...options.downloads } }).catch(
    async (error: unknown) => {
      await server.close();
      throw error;
    },
  );
  try {
    await run({ lamina, server });
  } finally {
    await lamina.close();
    await server.close();
  }
}

/** Downloads and waits. */
export async function fetched(lamina: TestLamina, reference: string | { url: string; sha256?: string }, name = 'tiny') {
  const { id } = await lamina.downloads.start({ reference, name });
  return lamina.downloads.wait(id, { signal: AbortSignal.timeout(15_000) });
}
