/**
 * Asks a person and reads lines. Questions go to stderr, so that stdout keeps to data.
 *
 * The terminal stays in its cooked mode: the kernel edits the line, and Ctrl-C is the signal that it is everywhere
 * else, not a byte to be looked for.
 */
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Session } from './session.ts';

/** The person went away: end of input, or Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** A question was withdrawn before it was answered. */
export const WITHDRAWN = Symbol('withdrawn');

export class Prompt {
  readonly #session: Session;
  readonly #lines: Interface;
  readonly #waiting: string[] = [];
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(session: Session) {
    this.#session = session;
    const { stdin, signal } = session.terminal;
    this.#lines = createInterface({ input: stdin, terminal: false });
    this.#lines.on('line', (line) => {
      this.#waiting.push(line);
      this.#wake?.();
    });
    this.#lines.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  /** The answer without spaces around it. Throws Interrupted. */
  async ask(question: string): Promise<string> {
    const answer = await this.askUntil(question, null);
    if (answer === WITHDRAWN) throw new Interrupted('nobody answered');
    return answer;
  }

  /** The same; WITHDRAWN once `withdrawn` is aborted. */
  async askUntil(question: string, withdrawn: AbortSignal | null): Promise<string | typeof WITHDRAWN> {
    const { stderr, signal } = this.#session.terminal;
    const wake = (): void => this.#wake?.();
    withdrawn?.addEventListener('abort', wake, { once: true });
    stderr.write(`${question} `);
    try {
      for (;;) {
        if (signal.aborted) throw new Interrupted('interrupted');
        if (withdrawn?.aborted === true) return WITHDRAWN;
        const line = this.#waiting.shift();
        if (line !== undefined) return line.trim();
        if (this.#ended) throw new Interrupted('the input ended');
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#wake = null;
      withdrawn?.removeEventListener('abort', wake);
    }
  }

  /** y or yes; anything else is no. */
  async confirm(question: string): Promise<boolean> {
    return isYes(await this.ask(`${question} [y/N]`));
  }

  close(): void {
    this.#lines.close();
  }
}

export function isYes(answer: string): boolean {
  return /^y(es)?$/i.test(answer);
}
