/**
 * Draws a picture over the last one, so that a terminal shows it in place and does not flicker. At most ten times a
 * second: more is not seen. Where there is no terminal, pictures follow each other.
 */
import type { Session } from './session.ts';

const DRAW_MS = 100;
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR = '\x1b[2J';
const HOME = '\x1b[H';
const CLEAR_REST_OF_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export class Screen {
  readonly #session: Session;
  readonly #picture: () => readonly string[];
  readonly #redraw = (): void => this.#drawNow();
  #timer: NodeJS.Timeout | null = null;
  #lastMs = -Infinity;
  #written: Promise<void> = Promise.resolve();
  #isFirst = true;

  /** `picture` is asked for the lines whenever they are drawn. */
  constructor(session: Session, picture: () => readonly string[]) {
    this.#session = session;
    this.#picture = picture;
    if (session.isTerminal) session.terminal.stdout.on('resize', this.#redraw);
  }

  /** Draws now, or as soon as the last drawing is long enough ago. */
  draw(): void {
    if (this.#timer !== null) return;
    const waitMs = this.#lastMs + DRAW_MS - performance.now();
    if (waitMs <= 0) this.#drawNow();
    else this.#timer = setTimeout(this.#redraw, waitMs);
  }

  /** What was asked for is drawn; the cursor comes back. */
  async end(): Promise<void> {
    this.#session.terminal.stdout.removeListener('resize', this.#redraw);
    if (this.#timer !== null) this.#drawNow();
    await this.#written;
    if (this.#session.isTerminal && !this.#isFirst) await this.#session.write(SHOW_CURSOR);
  }

  #drawNow(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#lastMs = performance.now();
    const text = this.#session.isTerminal ? this.#inPlace() : `${this.#picture().join('\n')}\n`;
    this.#isFirst = false;
    // In order, and each after the terminal has taken the one before.
    this.#written = this.#written.then(() => this.#session.write(text));
  }

  #inPlace(): string {
    const rows = this.#session.terminal.stdout.rows ?? 24;
    const all = this.#picture();
    const lines =
      all.length < rows ? all : [...all.slice(0, rows - 2), '… more: --section, or a taller terminal'];
    const start = this.#isFirst ? `${HIDE_CURSOR}${CLEAR}${HOME}` : HOME;
    return `${start}${lines.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join('')}${CLEAR_BELOW}`;
  }
}
