/**
 * Server-sent events, read as they come: bytes in, events out. Source: WHATWG HTML Living Standard, §9.2.6
 * "Interpreting an event stream". Knows nothing of Frontrow.
 *
 * A chunk may end anywhere, inside a character or between CR and LF too. An event that the stream's end cuts short is
 * dropped, as the standard has it.
 */

export interface ServerSentEvent {
  /** `message` when the stream does not name it. */
  readonly event: string;
  readonly data: string;
  /** The last id the stream has given so far, perhaps with an earlier event; empty before any. */
  readonly lastEventId: string;
}

/** More than any event of ours: a stream that is none must not fill the memory. */
const EVENT_CHARS_MAX = 64 * 1024 * 1024;

export class EventStreamParser {
  readonly #decoder = new TextDecoder('utf-8');
  /** The line so far; its end has not come yet. */
  #line = '';
  #afterCarriageReturn = false;
  #event = '';
  #data = '';
  #hasData = false;
  #lastEventId: string;
  #nextEventId: string;
  #retryMs: number | null = null;

  /** `lastEventId` is that of an earlier connection, if there was one. */
  constructor(lastEventId = '') {
    this.#lastEventId = lastEventId;
    this.#nextEventId = lastEventId;
  }

  /** Of the last event that is whole: where to go on from. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** What the stream asked to wait before connecting again; null when it did not. */
  get retryMs(): number | null {
    return this.#retryMs;
  }

  /** The events that `chunk` completes, in order. Throws a RangeError for an event beyond all measure. */
  push(chunk: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let text = this.#decoder.decode(chunk, { stream: true });
    if (this.#afterCarriageReturn && text !== '') {
      // A CR ended the line before; an LF that follows it belongs to the same end.
      this.#afterCarriageReturn = false;
      if (text.startsWith('\n')) text = text.slice(1);
    }
    let start = 0;
    for (let at = nextLineEnd(text, 0); at !== -1; at = nextLineEnd(text, start)) {
      this.#endLine(this.#line + text.slice(start, at), events);
      this.#line = '';
      start = at + 1;
      if (text[at] !== '\r') continue;
      if (start === text.length) this.#afterCarriageReturn = true;
      else if (text[start] === '\n') start++;
    }
    this.#line += text.slice(start);
    if (this.#line.length + this.#data.length > EVENT_CHARS_MAX) {
      throw new RangeError(`an event of more than ${EVENT_CHARS_MAX} characters`);
    }
    return events;
  }

  #endLine(line: string, events: ServerSentEvent[]): void {
    if (line === '') {
      this.#dispatch(events);
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#field(name, value);
  }

  #field(name: string, value: string): void {
    switch (name) {
      case 'event':
        this.#event = value;
        break;
      case 'data':
        this.#data += this.#hasData ? `\n${value}` : value;
        this.#hasData = true;
        break;
      case 'id':
        if (!value.includes('\0')) this.#nextEventId = value;
        break;
      case 'retry':
        if (/^\d+$/.test(value)) this.#retryMs = Number(value);
        break;
      default: // The standard: any other field is ignored.
    }
  }

  #dispatch(events: ServerSentEvent[]): void {
    // Counts from here on, and not from its own line: else a stream cut in between would lose this event.
    this.#lastEventId = this.#nextEventId;
    if (this.#hasData) {
      events.push({ event: this.#event || 'message', data: this.#data, lastEventId: this.#lastEventId });
    }
    this.#event = '';
    this.#data = '';
    this.#hasData = false;
  }
}

/** The next CR or LF from `start`, or -1. */
function nextLineEnd(text: string, start: number): number {
  const lineFeed = text.indexOf('\n', start);
  const carriageReturn = text.indexOf('\r', start);
  if (lineFeed === -1 || carriageReturn === -1) return Math.max(lineFeed, carriageReturn);
  return Math.min(lineFeed, carriageReturn);
}
