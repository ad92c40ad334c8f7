/** One line on stderr that tells how far long work is, drawn over itself. Nothing where stderr is no terminal. */
import type { Session } from './session.ts';

const CLEAR_LINE = '\r\x1b[K';

export class Progress {
  readonly #session: Session;
  #drawn = false;

  constructor(session: Session) {
    this.#session = session;
  }

  show(text: string): void {
    const { stderr } = this.#session.terminal;
    if (stderr.isTTY !== true || this.#session.quiet) return;
    stderr.write(`${CLEAR_LINE}${text}`);
    this.#drawn = true;
  }

  /** Takes the line away. Call it before anything else is written to stderr, and when the work has failed. */
  clear(): void {
    if (this.#drawn) this.#session.terminal.stderr.write(CLEAR_LINE);
    this.#drawn = false;
  }
}
