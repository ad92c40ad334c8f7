/**
 * llhttp, the parser of Node itself, as WebAssembly. Main thread. One instance for the process; each connection has a
 * parser in its memory, and lends it a buffer for the time of execute().
 *
 * undici ships the binary for its own use and documents no API of it, hence the exact version in package.json. The
 * functions are llhttp's own (llhttp, README: API), the callbacks undici's (undici, build/wasm.js).
 */
import llhttpBytes from 'undici/lib/llhttp/llhttp_simd-wasm.js';
import { assert } from '../core/assert.ts';

/** What llhttp calls during execute(). `at` is an address. Zero goes on, ERROR.paused pauses, ERROR.user gives up. */
export interface LlhttpEvents {
  onMessageBegin(): number;
  onUrl(at: number, length: number): number;
  onHeaderField(at: number, length: number): number;
  onHeaderValue(at: number, length: number): number;
  onHeadersComplete(isUpgrade: boolean, keepsAlive: boolean): number;
  onBody(at: number, length: number): number;
  onMessageComplete(): number;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, at: number, length: number): number;
  llhttp_finish(parser: number): number;
  llhttp_resume(parser: number): void;
  llhttp_resume_after_upgrade(parser: number): void;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  llhttp_errno_name(error: number): number;
  llhttp_get_method(parser: number): number;
  llhttp_method_name(method: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
}

/** Source: llhttp, src/llhttp/constants.ts. */
export const ERROR = { ok: 0, paused: 21, pausedUpgrade: 22, user: 24 } as const;
const TYPE_REQUEST = 1;
/** What net reads at once; longer chunks are parsed in pieces. */
const BUFFER_BYTES = 64 * 1024;

/** Whose execute() is running. */
let current: LlhttpEvents | null = null;

function listener(): LlhttpEvents {
  assert(current !== null, 'llhttp calls back during execute only');
  return current;
}

const wasm = load();
const buffer = wasm.malloc(BUFFER_BYTES);
/** A view of the buffer; made anew when the memory has grown. */
let view = new Uint8Array(0);
const methodNames: string[] = [];

function load(): Exports {
  const env = {
    wasm_on_message_begin: () => listener().onMessageBegin(),
    wasm_on_url: (_: number, at: number, length: number) => listener().onUrl(at, length),
    wasm_on_status: () => 0,
    wasm_on_header_field: (_: number, at: number, length: number) => listener().onHeaderField(at, length),
    wasm_on_header_value: (_: number, at: number, length: number) => listener().onHeaderValue(at, length),
    wasm_on_headers_complete: (_: number, _status: number, upgrade: number, keepAlive: number) =>
      listener().onHeadersComplete(upgrade !== 0, keepAlive !== 0),
    wasm_on_body: (_: number, at: number, length: number) => listener().onBody(at, length),
    wasm_on_message_complete: () => listener().onMessageComplete(),
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(llhttpBytes), { env });
  const loaded = exports as unknown as Exports;
  loaded._initialize();
  return loaded;
}

function text(at: number): string {
  const bytes = Buffer.from(wasm.memory.buffer);
  return at === 0 ? '' : bytes.toString('latin1', at, bytes.indexOf(0, at));
}

export class Llhttp {
  readonly #events: LlhttpEvents;
  readonly #parser: number;

  constructor(events: LlhttpEvents) {
    this.#events = events;
    this.#parser = wasm.llhttp_alloc(TYPE_REQUEST);
    assert(this.#parser !== 0, 'there is memory for a parser');
  }

  /** Once, and not within execute(). */
  free(): void {
    wasm.llhttp_free(this.#parser);
  }

  get method(): string {
    const method = wasm.llhttp_get_method(this.#parser);
    return (methodNames[method] ??= text(wasm.llhttp_method_name(method)));
  }

  /** 0 or 1 of HTTP/1.x, or -1. */
  get versionMinor(): number {
    if (wasm.llhttp_get_http_major(this.#parser) !== 1) return -1;
    return wasm.llhttp_get_http_minor(this.#parser);
  }

  /** Where the last execute() stopped, from the buffer's start. */
  get stoppedAt(): number {
    return wasm.llhttp_get_error_pos(this.#parser) - buffer;
  }

  get reason(): string {
    return text(wasm.llhttp_get_error_reason(this.#parser));
  }

  /** Bytes to execute from. At most BUFFER_BYTES. */
  static fill(chunk: Uint8Array): void {
    if (view.byteLength === 0) view = new Uint8Array(wasm.memory.buffer, buffer, BUFFER_BYTES);
    view.set(chunk);
  }

  /** @returns one of ERROR, or another code of llhttp's. @throws whatever a callback throws */
  execute(from: number, to: number): number {
    assert(current === null, 'one parser executes at a time');
    current = this.#events;
    try {
      return wasm.llhttp_execute(this.#parser, buffer + from, to - from);
    } finally {
      current = null;
    }
  }

  /** The peer sends no more. */
  finish(): number {
    assert(current === null, 'one parser executes at a time');
    current = this.#events;
    try {
      return wasm.llhttp_finish(this.#parser);
    } finally {
      current = null;
    }
  }

  resume(): void {
    wasm.llhttp_resume(this.#parser);
  }

  resumeAfterUpgrade(): void {
    wasm.llhttp_resume_after_upgrade(this.#parser);
  }

  /** An address as an offset into the buffer. */
  static offset(at: number): number {
    return at - buffer;
  }

  static errorName(error: number): string {
    return text(wasm.llhttp_errno_name(error));
  }

  static readonly bufferBytes = BUFFER_BYTES;
}
