/**
 * From bytes to heads and bodies. Main thread. What llhttp leaves to its user is done here: the limits of the head and
 * of chunk extensions, upgrades that nobody wants, and fields that are cut by the end of a chunk.
 *
 * Invariant: within parse() `#chunk` is what the buffer of llhttp holds, and spans are offsets into it; before parse()
 * returns, what is needed of an unfinished head is kept as strings.
 */
import { HEADERS_BYTES_MAX } from '../core/limits.ts';
import { addHeader, createHead } from './head.ts';
import type { RequestHead } from './head.ts';
import { headerNameAt, headerNameOf } from './header-names.ts';
import type { HeaderName } from './header-names.ts';
import { ERROR, Llhttp } from './llhttp.ts';
import type { LlhttpEvents } from './llhttp.ts';
import type { Peer } from './peer.ts';
import { recentText } from './recent-texts.ts';

/** What a parser tells, in the order of the bytes. */
export interface ParserListener {
  /** The first byte of a request. */
  onBegin(): void;
  onHead(head: RequestHead, keepsAlive: boolean, awaitsContinue: boolean): void;
  /** Some of the body; a view of what was parsed. */
  onBody(bytes: Uint8Array): void;
  onComplete(): void;
}

/** In the shape of node:http's errors; `reason` is llhttp's. */
export interface ParserFault {
  readonly code: string;
  readonly reason: string;
}

/** Of all chunk extensions of a body. node:http has as much for each chunk (src/node_http_parser.cc). */
const EXTENSION_BYTES_MAX = 16 * 1024;
const SEMICOLON = 0x3b;
const LF = 0x0a;
const NO_BYTES = Buffer.alloc(0);
/** As node:http has it. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/** A string that was put together of so many parts is made one: each part costs more than a byte that it holds. */
const PIECES_MAX = 64;

function inOnePiece(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** Where in a message the parser is. */
type Part = 'between' | 'head' | 'body' | 'chunks' | 'trailers';

export class RequestParser implements LlhttpEvents {
  readonly #listener: ParserListener;
  readonly #peer: Peer;
  readonly #llhttp: Llhttp;
  #chunk: Buffer = NO_BYTES;
  #part: Part = 'between';
  #head: RequestHead | null = null;
  /** Of the target, the name and the value that are being read: what came with earlier chunks, and the span in this one. */
  #targetBefore = '';
  #targetStart = 0;
  #targetEnd = 0;
  #nameBefore = '';
  #nameStart = 0;
  #nameEnd = 0;
  #valueBefore = '';
  #valueStart = 0;
  #valueEnd = 0;
  #hasField = false;
  #hasValue = false;
  #headBytes = 0;
  /** Chunks that the head came in. */
  #pieces = 0;
  #awaitsContinue = false;
  #isConnect = false;
  /** Chunk framing up to here has been looked at. */
  #framedTo = 0;
  #isInExtension = false;
  #extensionBytes = 0;
  /** The last chunk has been read. */
  #isEnding = false;
  /** Why a callback gave up. */
  #ownFault: ParserFault | null = null;

  constructor(listener: ParserListener, peer: Peer) {
    this.#listener = listener;
    this.#peer = peer;
    this.#llhttp = new Llhttp(this);
  }

  /** The parser is not used after this. */
  free(): void {
    this.#llhttp.free();
  }

  /** A request has begun and is not complete. */
  get isWithin(): boolean {
    return this.#part !== 'between';
  }

  /** Bodies are views of the chunk, which may change once this has returned. After a fault nothing more is to be parsed. */
  parse(chunk: Buffer): ParserFault | null {
    for (let start = 0; start < chunk.length; start += Llhttp.bufferBytes) {
      const part =
        chunk.length <= Llhttp.bufferBytes ? chunk : chunk.subarray(start, start + Llhttp.bufferBytes);
      const fault = this.#parse(part);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** The peer sends no more. */
  finish(): ParserFault | null {
    const error = this.#llhttp.finish();
    return error === ERROR.ok || error === ERROR.pausedUpgrade ? null : this.#fault(error);
  }

  #parse(chunk: Buffer): ParserFault | null {
    this.#chunk = chunk;
    this.#framedTo = 0;
    Llhttp.fill(chunk);
    for (let from = 0; ; from = this.#llhttp.stoppedAt) {
      const error = this.#llhttp.execute(from, chunk.length);
      if (error === ERROR.ok) break;
      if (error === ERROR.paused) {
        this.#llhttp.resume();
        if (!this.#atPause(this.#llhttp.stoppedAt)) return this.#ownFault;
      } else if (error === ERROR.pausedUpgrade) {
        if (this.#isConnect) return { code: 'HPE_PAUSED_UPGRADE', reason: 'CONNECT' };
        this.#llhttp.resumeAfterUpgrade();
      } else {
        return this.#fault(error);
      }
    }
    if (this.#part === 'chunks' && !this.#passFraming(chunk.length)) return this.#ownFault;
    if (this.#part === 'head') this.#keepHead();
    this.#chunk = NO_BYTES;
    return null;
  }

  /** llhttp stopped on our word, before the first chunk of a body or behind the last. */
  #atPause(at: number): boolean {
    if (!this.#isEnding) {
      this.#framedTo = at;
      return true;
    }
    this.#isEnding = false;
    if (!this.#passFraming(at)) return false;
    this.#complete();
    return true;
  }

  #fault(error: number): ParserFault {
    return this.#ownFault ?? { code: Llhttp.errorName(error), reason: this.#llhttp.reason };
  }

  onMessageBegin(): number {
    this.#part = 'head';
    this.#head = null;
    this.#targetStart = 0;
    this.#targetEnd = 0;
    this.#headBytes = 0;
    this.#pieces = 0;
    this.#hasField = false;
    this.#awaitsContinue = false;
    this.#listener.onBegin();
    return 0;
  }

  onUrl(at: number, length: number): number {
    const start = Llhttp.offset(at);
    if (this.#targetEnd === 0) this.#targetStart = start;
    this.#targetEnd = start + length;
    return this.#countHead(length);
  }

  onHeaderField(at: number, length: number): number {
    const start = Llhttp.offset(at);
    if (this.#part === 'chunks') {
      if (!this.#passFraming(start)) return ERROR.user;
      this.#part = 'trailers';
      this.#headBytes = 0;
    }
    if (this.#part === 'trailers') return this.#countHead(length);
    if (this.#hasField && this.#hasValue) this.#takeField();
    if (!this.#hasField) {
      this.#hasField = true;
      this.#nameStart = start;
    }
    this.#nameEnd = start + length;
    return this.#countHead(length);
  }

  onHeaderValue(at: number, length: number): number {
    if (this.#part === 'trailers') return this.#countHead(length);
    const start = Llhttp.offset(at);
    if (!this.#hasValue) {
      this.#hasValue = true;
      this.#valueStart = start;
    }
    this.#valueEnd = start + length;
    return this.#countHead(length);
  }

  onHeadersComplete(_isUpgrade: boolean, keepsAlive: boolean): number {
    if (this.#hasField) this.#takeField();
    const head = (this.#head ??= this.#createHead());
    this.#head = null;
    if (head.method === 'CONNECT') {
      this.#isConnect = true;
      return 0;
    }
    const isChunked = head.transferEncoding !== null;
    this.#part = isChunked ? 'chunks' : 'body';
    this.#extensionBytes = 0;
    this.#isInExtension = false;
    this.#listener.onHead(head, keepsAlive, this.#awaitsContinue && head.versionMinor === 1);
    // llhttp tells no callback where it is, but where it stopped.
    return isChunked ? ERROR.paused : 0;
  }

  onBody(at: number, length: number): number {
    const start = Llhttp.offset(at);
    if (this.#part === 'chunks') {
      if (!this.#passFraming(start)) return ERROR.user;
      this.#framedTo = start + length;
    }
    this.#listener.onBody(this.#chunk.subarray(start, start + length));
    return 0;
  }

  onMessageComplete(): number {
    if (this.#isConnect) return 0;
    this.#isEnding = this.#part === 'chunks';
    if (this.#isEnding) return ERROR.paused;
    this.#complete();
    return 0;
  }

  #complete(): void {
    this.#part = 'between';
    this.#listener.onComplete();
  }

  #createHead(): RequestHead {
    const here = recentText(this.#chunk, this.#targetStart, this.#targetEnd);
    const target = this.#targetBefore === '' ? here : this.#targetBefore + here;
    // A connection that waits for its next request keeps nothing of the last one.
    this.#targetBefore = '';
    return createHead(this.#llhttp.method, target, this.#llhttp.versionMinor, this.#peer);
  }

  /** A name and its value are whole. Of those that nobody looks at nothing is made. */
  #takeField(): void {
    this.#head ??= this.#createHead();
    const name = this.#fieldName();
    if (name !== null) {
      const value = this.#fieldValue(name);
      addHeader(this.#head, name, value);
      if (name === 'expect') this.#awaitsContinue ||= CONTINUE.test(value);
    }
    this.#nameBefore = '';
    this.#valueBefore = '';
    this.#hasField = false;
    this.#hasValue = false;
  }

  #fieldName(): HeaderName | null {
    if (this.#nameBefore === '') return headerNameAt(this.#chunk, this.#nameStart, this.#nameEnd);
    return headerNameOf(this.#nameBefore + this.#chunk.toString('latin1', this.#nameStart, this.#nameEnd));
  }

  /** llhttp keeps the white space behind a value; node:http cuts it off, too. */
  #fieldValue(name: HeaderName): string {
    if (!this.#hasValue) return '';
    const chunk = this.#chunk;
    const start = this.#valueStart;
    let end = this.#valueEnd;
    if (this.#valueBefore !== '')
      return (this.#valueBefore + chunk.toString('latin1', start, end)).replace(/[ \t]+$/, '');
    while (end > start && isBlank(chunk[end - 1])) end--;
    // One request's alone: no other will have the same.
    if (name === 'idempotency-key' || name === 'x-request-id') return chunk.toString('latin1', start, end);
    return recentText(chunk, start, end);
  }

  /** The chunk ends within a head: its bytes are not there for the next one. */
  #keepHead(): void {
    const chunk = this.#chunk;
    if (this.#head === null)
      this.#targetBefore += chunk.toString('latin1', this.#targetStart, this.#targetEnd);
    this.#targetStart = this.#targetEnd = 0;
    if (this.#hasField) this.#nameBefore += chunk.toString('latin1', this.#nameStart, this.#nameEnd);
    this.#nameStart = this.#nameEnd = 0;
    if (this.#hasValue) this.#valueBefore += chunk.toString('latin1', this.#valueStart, this.#valueEnd);
    this.#valueStart = this.#valueEnd = 0;
    if (++this.#pieces % PIECES_MAX !== 0) return;
    this.#targetBefore = inOnePiece(this.#targetBefore);
    this.#nameBefore = inOnePiece(this.#nameBefore);
    this.#valueBefore = inOnePiece(this.#valueBefore);
  }

  /** Chunk framing goes on to `to`: counts what is between a semicolon and the end of its line. */
  #passFraming(to: number): boolean {
    for (let at = this.#framedTo; at < to; at++) {
      const byte = this.#chunk[at];
      if (byte === LF) this.#isInExtension = false;
      else if (this.#isInExtension) this.#extensionBytes++;
      else if (byte === SEMICOLON) this.#isInExtension = true;
    }
    this.#framedTo = to;
    if (this.#extensionBytes <= EXTENSION_BYTES_MAX) return true;
    this.#ownFault = { code: 'HPE_CHUNK_EXTENSIONS_OVERFLOW', reason: 'Chunk extensions overflow' };
    return false;
  }

  /** node:http's way to count: the target, names and values. */
  #countHead(length: number): number {
    this.#headBytes += length;
    if (this.#headBytes < HEADERS_BYTES_MAX) return 0;
    this.#ownFault = { code: 'HPE_HEADER_OVERFLOW', reason: 'Header overflow' };
    return ERROR.user;
  }
}
