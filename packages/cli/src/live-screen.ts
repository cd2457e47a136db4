// A screen of its own on a terminal, on which text is replaced by newer text. The old screen is restored at its end.
import type { OutputStream } from '@lamina/config';

const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';
/** Terminals that know it show a frame only when it is complete. */
const beginFrame = '\u001b[?2026h\u001b[H';
const endFrame = '\u001b[J\u001b[?2026l';

/** The screen. Its owner closes it. */
export class LiveScreen {
  private text = '';

  constructor(private readonly stdout: OutputStream) {
    stdout.write(enter);
    stdout.on('resize', this.draw);
  }

  /** Shows text in place of what was there. Lines that do not fit the height are left out. */
  show(text: string): void {
    this.text = text;
    this.draw();
  }

  close(): void {
    this.stdout.off('resize', this.draw);
    this.stdout.write(leave);
  }

  private readonly draw = (): void => {
    const lines = this.text.split('\n').slice(0, (this.stdout.rows ?? 24) - 1);
    this.stdout.write(`${beginFrame}${lines.map((line) => `${line}\u001b[K\n`).join('')}${endFrame}`);
  };
}
