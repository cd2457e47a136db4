// The audit log: a line of JSON for each finished request, in files that rotate.
import { basename, dirname, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import type { PluginContext } from '@lamina/core/plugin';
import type { Audit } from './options.js';

/** How much may wait for a slow disk, in bytes. Further lines are lost. */
const maxWaiting = 8 * 1024 * 1024;

/** Writes the log. A disk that fails costs lines, with one warning, but no request; each line tries again. */
export function writeAudit(lamina: PluginContext, options: Audit): void {
  const { file = 'audit.jsonl', max_size = '10M', max_files = 5 } = options;
  const addresses = new Map<string, string>();
  let output: Promise<Writable> | undefined;
  let lost = 0;

  lamina.hooks.beforeRequest.tap(
    ({ id, caller }) => {
      if (caller.address !== undefined) addresses.set(id, caller.address);
      return undefined;
    },
    { stage: -200 }, // Before a plugin refuses the request.
  );
  lamina.events.on('request.finished', (event) => {
    const { at: time, request, key, via, model, route, stream, status, ms, prompt_tokens, completion_tokens } = event;
    const about = { time, request, key, address: addresses.get(request), via, model, route, stream };
    addresses.delete(request);
    write(`${JSON.stringify({ ...about, status, prompt_tokens, completion_tokens, ms, error: event.error?.code })}\n`);
  });
  lamina.onClose(async () => {
    const stream = await output?.catch(() => undefined);
    if (stream?.destroyed === false) await new Promise<void>((resolve) => void stream.end(() => resolve()));
  });

  async function open(): Promise<Writable> {
    const { createStream } = await import('rotating-file-stream'); // Loaded by the first line.
    const path = resolve(lamina.dataDir, file);
    const limits = { size: max_size, rotate: max_files, mode: 0o600 };
    return createStream(basename(path), { ...limits, path: dirname(path) }).on('error', () => {
      output = undefined;
    });
  }

  function write(line: string): void {
    output ??= open();
    output.then((stream) => {
      if (stream.writableLength > maxWaiting) onWritten(new Error('The disk is too slow.'));
      else stream.write(line, onWritten);
    }, onWritten);
  }

  function onWritten(err?: Error | null): void {
    if (err) {
      if (lost === 0) lamina.log.warn({ err, file }, 'The audit log cannot be written; requests continue without it');
      lost += 1;
    } else if (lost > 0) {
      lamina.log.info({ file, lost }, 'The audit log is written again');
      lost = 0;
    }
  }
}
