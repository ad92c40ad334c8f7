/** How long a hold lasts, told in the line above the question and counted down while the person thinks. */
import { formatDuration } from './format.ts';
import type { Session } from './session.ts';

/** Save the cursor, go to the line above and clear it; and back. DECSC and DECRC are known to every terminal. */
const TO_LINE_ABOVE = '\x1b7\x1b[1A\r\x1b[K';
const BACK = '\x1b8';

export class Countdown {
  readonly #session: Session;
  readonly #endMs: number;
  readonly #over = new AbortController();
  #ticks: NodeJS.Timeout | null = null;
  #end: NodeJS.Timeout | null = null;

  /** `leftMs` from now, as the server counts it: the clocks of the two need not agree. */
  constructor(session: Session, leftMs: number) {
    this.#session = session;
    this.#endMs = performance.now() + leftMs;
  }

  /** Aborted when the time is over. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Prints the line. The question has to be asked right below it. */
  start(): void {
    const leftMs = this.#endMs - performance.now();
    this.#session.tell(this.#text());
    this.#end = setTimeout(() => this.#over.abort(), leftMs);
    if (this.#session.terminal.env['TERM'] === 'dumb') return;
    this.#ticks = setInterval(() => {
      this.#session.terminal.stderr.write(`${TO_LINE_ABOVE}${this.#text()}${BACK}`);
    }, 1000);
  }

  stop(): void {
    if (this.#ticks !== null) clearInterval(this.#ticks);
    if (this.#end !== null) clearTimeout(this.#end);
  }

  #text(): string {
    return `Held for you: ${formatDuration(this.#endMs - performance.now())} left`;
  }
}
