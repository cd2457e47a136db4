// Asks a question that is answered with yes or no.
import { createInterface } from 'node:readline';
import type { CliIo } from './cli-io.js';

/**
 * Whether the answer is yes, which it also is when only Enter is pressed. Call it only where {@link isInteractive}.
 * @throws the reason of the signal
 */
export async function confirm(question: string, { stdin, stderr, signal }: CliIo): Promise<boolean> {
  // Without `terminal`, Ctrl-C stays a signal, which stops the command as it always does.
  const lines = createInterface({ input: stdin!, terminal: false, signal });
  stderr.write(`${question} [Y/n] `);
  try {
    for await (const line of lines) return /^\s*(y|yes)?\s*$/i.test(line);
  } finally {
    lines.close();
  }
  stderr.write('\n');
  signal.throwIfAborted();
  return false;
}
