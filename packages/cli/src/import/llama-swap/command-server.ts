// Maps a command of llama-swap to a backend of the type `command`.
import { existsSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import type { BackendEntry, ModelEntry } from '@lamina/core';
import { commandOf } from './command-line.js';

/** A backend and an entry of a model on it, without the name of the backend. */
export interface CommandServer {
  readonly backend: BackendEntry;
  readonly entry: ModelEntry;
}

/** What is known of a command besides its words. */
export interface CommandSettings {
  /** Where its requests go; default: `http://localhost:${PORT}`. */
  readonly proxy?: string | undefined;
  readonly checkEndpoint?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Relative paths are relative to it. */
  readonly directory: string;
}

const portFlags = ['-p', '--port', '--publish', '--http-port', '--server-port', '--listen-port'];

/** A format of its own: the command opens one model, so the backend must not get the others of that model's format. */
const format = 'command';

/** The backend and the entry, or a sentence about why there are none. */
export function readCommand(
  words: readonly string[],
  { proxy = 'http://localhost:${PORT}', checkEndpoint = '/health', env, directory }: CommandSettings,
): CommandServer | string {
  const address = proxy.replace('${PORT}', '1');
  const url = new URL(URL.canParse(address) ? address : 'none:');
  if (url.protocol !== 'http:' || !isLocal(url.hostname))
    return `Its proxy ${proxy} is not on this machine, and Lamina starts engines only here. If the server runs without llama-swap, add a backend of the type "remote" for it.`;
  const placed = proxy.includes('${PORT}') ? words : withPlaceholder(words, url.port === '' ? '80' : url.port);
  if (!placed.some((word) => word.includes('${PORT}')))
    return 'Lamina chooses the port of an engine, and the command has no place for it. Write ${PORT} there, and import again.';
  const path = url.pathname.replace(/\/+$/, '');
  const model = modelIn(placed, directory);
  return {
    backend: {
      type: 'command',
      command: commandOf([program(placed[0]!, directory), ...placed.slice(1)]),
      formats: [format],
      ...(checkEndpoint === 'none' ? {} : { health: path + checkEndpoint.replace(/^(?!\/)/, '/') }),
      ...(path === '' ? {} : { base_path: `${path}/v1` }),
      ...(Object.keys(env).length === 0 ? {} : { env }),
      ...(needsDirectory(placed, directory) ? { cwd: directory } : {}),
    },
    entry: model === undefined ? {} : { path: model, format },
  };
}

/** The words with `${PORT}` in place of a fixed port. */
function withPlaceholder(words: readonly string[], port: string): readonly string[] {
  return words.map((word, index) => {
    const [, flag = '', value = word] = /^(--?[\w-]+)=(.*)$/.exec(word) ?? [];
    if (!portFlags.includes(flag === '' ? (words[index - 1] ?? '') : flag)) return word;
    const parts = value.split(':');
    const at = parts.length === 1 ? 0 : parts.length - 2; // `[address:]port:port of the container`
    if (parts[at] !== port) return word;
    const changed = parts.with(at, '${PORT}').join(':');
    return flag === '' ? changed : `${flag}=${changed}`;
  });
}

function isLocal(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(host);
}

/** The file or directory of the model, when a flag names one that is on this machine: its size counts as memory. */
function modelIn(words: readonly string[], directory: string): string | undefined {
  const index = words.findIndex((word) => /^(-m|--model)$/.test(word));
  const written = index === -1 ? undefined : words[index + 1];
  if (written === undefined) return undefined;
  const path = isAbsolute(written) ? written : resolve(directory, written);
  return existsSync(path) ? path : undefined;
}

/** A program in a relative place is named by its absolute path. */
function program(word: string, directory: string): string {
  return /[\\/]/.test(word) && !isAbsolute(word) ? resolve(directory, word) : word;
}

/** Whether an argument is a file relative to the directory of the configuration. */
function needsDirectory(words: readonly string[], directory: string): boolean {
  return words
    .slice(1)
    .some(
      (word) =>
        !/^[-/]/.test(word) && /[./]/.test(word) && basename(word) !== '' && existsSync(resolve(directory, word)),
    );
}
