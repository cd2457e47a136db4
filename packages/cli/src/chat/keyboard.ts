// The keyboard of a chat: raw mode, bracketed paste, and who gets what is typed.
import { emitKeypressEvents, type Key } from 'node:readline';
import type { InputStream } from '../cli-io.js';
import type { OutputStream } from '@lamina/config';

/** What was typed: a key, or a text that was pasted. */
export type Typed = { readonly text: string | undefined; readonly key: Key } | { readonly paste: string };

/** Whether a key is pressed together with Ctrl. */
export function isControl(typed: Typed, name: string): boolean {
  return 'key' in typed && typed.key.ctrl === true && typed.key.name === name;
}

/** The keyboard. What is typed while nobody reads is kept for the next reader. */
export class Keyboard {
  private kept: Typed[] = [];
  private reader: ((typed: Typed) => void) | undefined;
  private pasted: string | undefined;

  constructor(
    private readonly stdin: InputStream,
    private readonly stdout: OutputStream,
    /** Called for Ctrl-C while nobody reads. */
    private readonly onInterrupt: () => void,
  ) {}

  /** Takes over the keyboard, until {@link close}. */
  open(): void {
    emitKeypressEvents(this.stdin);
    this.stdin.setRawMode?.(true);
    this.stdin.on('keypress', this.onKey);
    this.stdin.resume();
    this.stdout.write('\u001b[?2004h');
  }

  /** Leaves it as it was. */
  close(): void {
    this.stdout.write('\u001b[?2004l');
    this.stdin.off('keypress', this.onKey);
    this.stdin.setRawMode?.(false);
    this.stdin.pause();
  }

  /** Gives what is typed to a reader, first what was kept, until {@link release}. */
  read(reader: (typed: Typed) => void): void {
    this.reader = reader;
    while (this.reader !== undefined && this.kept.length > 0) this.reader(this.kept.shift()!);
  }

  /** Keeps what is typed from now on for the next reader. */
  release(): void {
    this.reader = undefined;
  }

  private readonly onKey = (text: string | undefined, key: Key): void => {
    if (key.name === 'paste-start') this.pasted = '';
    else if (key.name === 'paste-end' && this.pasted !== undefined) {
      const paste = this.pasted;
      this.pasted = undefined;
      this.give({ paste });
    } else if (this.pasted !== undefined) this.pasted += key.sequence ?? text ?? '';
    else this.give({ text, key });
  };

  private give(typed: Typed): void {
    if (this.reader !== undefined) return this.reader(typed);
    if (!isControl(typed, 'c')) return void this.kept.push(typed);
    this.kept = [];
    this.onInterrupt();
  }
}
