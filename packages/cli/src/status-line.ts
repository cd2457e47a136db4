// One line on a terminal that says what a command waits for, and for how long. It disappears when the wait is over.
import type { CliIo } from './cli-io.js';
import { showSeconds } from './amounts.js';
import { stripControls, type Printer } from './printer.js';
import { shorten } from './table.js';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
/** Shorter waits show nothing. */
const silenceMs = 200;

/** The line; without a terminal, and with `--json`, nothing is shown. */
export class StatusLine {
  private readonly isShown: boolean;
  private text = '';
  private startedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private frame = 0;

  constructor(
    private readonly stderr: CliIo['stderr'],
    private readonly printer: Printer,
  ) {
    this.isShown = stderr.isTTY === true && !printer.json;
  }

  /** Says what is waited for: `Loading tiny`. */
  show(text: string): void {
    if (!this.isShown) return;
    this.text = text;
    if (this.timer !== undefined) return;
    this.startedAt = performance.now();
    this.printer.eraseStatus = () => this.erase();
    this.timer = setInterval(() => this.draw(), frameMs);
  }

  /** Erases it. */
  clear(): void {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.erase();
  }

  private erase(): void {
    if (this.frame > 0) this.stderr.write('\r\u001b[K');
    this.frame = 0;
  }

  private draw(): void {
    const elapsed = performance.now() - this.startedAt;
    if (elapsed < silenceMs) return;
    const { cyan, dim } = this.printer.errorStyle;
    const time = elapsed < 1_000 ? '' : `, ${showSeconds(elapsed / 1000)}`;
    const text = shorten(stripControls(this.text) + time, (this.stderr.columns ?? 80) - 3);
    this.stderr.write(`\r\u001b[K${cyan(frames[this.frame++ % frames.length]!)} ${dim(text)}`);
  }
}
