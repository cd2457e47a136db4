// The line editor of a chat: node:readline, fed key by key, so that a pasted text is one message.
import { createInterface, type Interface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type { OutputStream } from '@lamina/config';
import { Draft } from './draft.js';
import type { History } from './history.js';
import { isControl, type Keyboard, type Typed } from './keyboard.js';

const prompt = '>>> ';
const nextPrompt = '... ';

/** What an editor works with. */
export interface EditorOptions {
  readonly keyboard: Keyboard;
  readonly stdout: OutputStream;
  readonly history: History;
  /** How to leave: printed for the first Ctrl-C at an empty prompt. */
  readonly leaveHint: string;
}

/** Reads a message. Resolves with `undefined` when the user leaves. @throws the signal's reason */
export async function readMessage(options: EditorOptions, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  const { keyboard } = options;
  const editor = new Editor(options);
  const abort = (): void => editor.fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    keyboard.read((typed) => editor.take(typed));
    return await editor.message;
  } finally {
    signal.removeEventListener('abort', abort);
    keyboard.release();
    editor.close();
  }
}

/** The editor of one message. */
class Editor {
  readonly message: Promise<string | undefined>;
  private settle!: (message: string | undefined) => void;
  fail!: (reason: unknown) => void;
  private draft = new Draft();
  private lines: Interface;
  /** Whether the line that ends now is followed by another one. */
  private continues = false;
  private isLeaving = false;

  constructor(private readonly options: EditorOptions) {
    this.message = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.lines = this.open();
  }

  /** Takes a key or a pasted text. */
  take(typed: Typed): void {
    if (isControl(typed, 'c')) return this.interrupt();
    this.isLeaving = false;
    if ('paste' in typed) return this.paste(typed.paste);
    const { text, key } = typed;
    if (isControl(typed, 'd') && this.lines.line === '') {
      if (this.draft.isEmpty) this.leave();
    } else if (key.meta === true && key.name === 'return') this.endLine();
    else this.lines.write(text as string, key);
  }

  close(): void {
    this.lines.close();
  }

  private open(): Interface {
    const { stdout: output, history } = this.options;
    const entries = [...history.entries];
    const lines = createInterface({
      input: new PassThrough(), // Nothing comes from there: `take` writes each key.
      output,
      terminal: true,
      prompt,
      history: entries,
      historySize: Math.max(entries.length, 1_000),
      tabSize: 4,
    });
    lines.on('line', (line) => this.onLine(line));
    lines.prompt();
    return lines;
  }

  private onLine(line: string): void {
    // Node.js 24 gives back a message of several lines from the history with carriage returns.
    const message = this.draft.add(line.replaceAll('\r', '\n'), this.continues);
    if (message !== undefined) {
      this.options.keyboard.release();
      return this.settle(message);
    }
    this.lines.setPrompt(nextPrompt);
    this.lines.prompt();
  }

  /** Ends the line, and begins another one of the same message. */
  private endLine(): void {
    this.continues = true;
    this.lines.write('', { name: 'return' });
    this.continues = false;
  }

  private paste(text: string): void {
    const parts = text.split(/\r\n?|\n/);
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.endLine();
      this.lines.write(part);
    }
  }

  /** Ctrl-C: clears what is typed; at an empty prompt, the first says how to leave, and the second leaves. */
  private interrupt(): void {
    const { stdout, leaveHint } = this.options;
    const isEmpty = this.lines.line === '' && this.draft.isEmpty;
    if (isEmpty && this.isLeaving) return this.leave();
    this.isLeaving = isEmpty;
    this.lines.write('', { ctrl: true, name: 'e' });
    this.lines.close();
    this.draft = new Draft();
    stdout.write(isEmpty ? `\n${leaveHint}\n` : '\n');
    this.lines = this.open();
  }

  private leave(): void {
    this.options.keyboard.release();
    this.options.stdout.write('\n');
    this.settle(undefined);
  }
}
