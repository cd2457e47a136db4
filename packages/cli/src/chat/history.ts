// The messages that were typed before, in a file: one JSON string per line, oldest first.
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { CliIo } from '../cli-io.js';
import { homeFolder } from '../home-folder.js';

const maxEntries = 1_000;
/** Only their owner reads what people typed. */
const mode = 0o600;

/** What was typed; a file that cannot be read or written is no reason to stop a chat. */
export class History {
  private constructor(
    /** Newest first. */
    readonly entries: string[],
    private readonly path: string | undefined,
  ) {}

  /** Reads it. `LAMINA_NO_HISTORY=1`: nothing is read or written. */
  static async open(env: CliIo['env']): Promise<History> {
    const path = env['LAMINA_NO_HISTORY'] ? undefined : historyPath(env);
    const text = path === undefined ? '' : await readFile(path, 'utf8').catch(() => '');
    const entries = text.split('\n').flatMap(entryOf);
    const kept = entries.slice(-maxEntries);
    if (path !== undefined && kept.length < entries.length) await replace(path, kept).catch(() => undefined);
    return new History(kept.reverse(), path);
  }

  /** Adds a message, unless it is the last one again. Chats at the same time add to the same file. */
  async add(entry: string): Promise<void> {
    if (this.entries[0] === entry) return;
    this.entries.unshift(entry);
    this.entries.splice(maxEntries);
    if (this.path !== undefined) await append(this.path, lineOf(entry)).catch(() => undefined);
  }
}

/** `~/.local/state/lamina/history`; on Windows below the local application data. */
function historyPath(env: CliIo['env']): string {
  const { XDG_STATE_HOME: xdg, LOCALAPPDATA: local } = env;
  if (process.platform === 'win32' && local !== undefined) return join(local, 'lamina', 'history');
  // The XDG specification ignores relative paths.
  const state = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeFolder(env), '.local', 'state');
  return join(state, 'lamina', 'history');
}

async function append(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await appendFile(path, line, { mode });
}

async function replace(path: string, entries: readonly string[]): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, entries.map(lineOf).join(''), { mode });
  await rename(temporary, path);
}

function lineOf(entry: string): string {
  return `${JSON.stringify(entry)}\n`;
}

/** A line that a crash cut off is left out. */
function entryOf(line: string): readonly string[] {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'string' ? [entry] : [];
  } catch {
    return [];
  }
}
