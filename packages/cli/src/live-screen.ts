// The whole screen of a terminal, drawn again and again. What was on it before comes back when it is closed.
import type { OutputStream } from '@lamina/config';
import width from 'fast-string-width';

const alternateScreen = { on: '\u001b[?1049h', off: '\u001b[?1049l' };
const cursor = { on: '\u001b[?25h', off: '\u001b[?25l' };
/** A terminal shows what is between them at once. */
const update = { on: '\u001b[?2026h', off: '\u001b[?2026l' };
const home = '\u001b[H';
const eraseRestOfLine = '\u001b[K';
const eraseBelow = '\u001b[J';

/** The screen. The process may end without closing it: then it closes itself. */
export class LiveScreen {
  private isOpen = true;

  constructor(
    private readonly terminal: OutputStream,
    /** Called when the size of the terminal has changed. */
    private readonly onResize: () => void,
  ) {
    terminal.write(alternateScreen.on + cursor.off);
    terminal.on('resize', onResize);
    process.once('exit', this.close);
  }

  /** Draws as many lines as fit. Long lines are continued on the next row. */
  draw(text: string): void {
    const { columns = 80, rows = 24 } = this.terminal;
    let left = rows;
    const shown = text
      .split('\n')
      .filter((line) => (left -= Math.max(1, Math.ceil(width(line) / columns))) >= 0)
      .map((line) => line + eraseRestOfLine);
    this.terminal.write(update.on + home + shown.join('\n') + eraseBelow + update.off);
  }

  /** Shows what was on the screen before. */
  readonly close = (): void => {
    if (!this.isOpen) return;
    this.isOpen = false;
    process.off('exit', this.close);
    this.terminal.off('resize', this.onResize);
    this.terminal.write(cursor.on + alternateScreen.off);
  };
}
