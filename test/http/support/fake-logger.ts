/** A logger that remembers what it is told at its level and above. */
import type { HttpLogger } from '../../../src/http/access-log.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'];

interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export class FakeLogger implements HttpLogger {
  readonly lines: Line[] = [];
  readonly #level: string;

  constructor(level: string) {
    this.#level = level;
  }

  isLevelEnabled(level: string): boolean {
    return LEVELS.indexOf(level) >= LEVELS.indexOf(this.#level);
  }

  debug(fields: object, message: string): void {
    this.#take('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#take('info', fields, message);
  }

  /** pino takes a message alone, too. */
  warn(fields: object | string, message = ''): void {
    if (typeof fields === 'string') this.#take('warn', {}, fields);
    else this.#take('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#take('error', fields, message);
  }

  #take(level: string, fields: object, message: string): void {
    if (this.isLevelEnabled(level)) this.lines.push({ level, fields: { ...fields }, message });
  }
}
