/**
 * Requests as bytes: encoded once, when they are admitted, and copied once, into the batch that takes them to a worker.
 * What waits is bytes in a few slabs, not objects: a thousand requests that wait would otherwise be copied by each
 * collection of the young generation.
 *
 *   header, 12 words                                per request, 10 words, then its texts and its body
 *   w0 request count   w1 batch id                  w0 | flags:24 | operation:8 |     w1 fact
 *   w2 event slot      w3 batch kind                w2–3 received, ms (f64)
 *   w4–5 now, ms (f64)                              w4–8 bytes of each text (ten times 16 bits)
 *   w6–7 expireBefore, ms (f64)                     w9 bytes of the body
 *   w8 memory may be reclaimed (0 or 1)
 *   w9–11 spare
 */
import { assert } from './assert.ts';
import type { BatchHeader, BatchKind, BatchRequest } from './batch.ts';
import { ROLES } from './roles.ts';

const HEADER_BYTES = 48;
const REQUEST_BYTES = 40;
const FACT = 4;
const TEXT_LENGTHS = 16;
const BODY_LENGTH = 36;
const FLAG_OCTETS = 1;
const FLAG_BODY = 2;
const ROLE_SHIFT = 2;
const ROLE_MASK = 3;
/** All texts are ASCII: bytes are characters. */
const FLAG_ASCII = 16;
const FLAG_VARIES = 32;
/** One request that waits keeps its slab in memory: not much more than a body may be. */
const SLAB_BYTES = 16 * 1024;
/** Shorter texts are written here: a call out of JavaScript costs more. */
const SHORT_CHARS = 64;
const UTF8_BYTES_MAX = 3;

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

interface Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly words: Int32Array;
}

/** A request that waits. */
export interface EncodedRequest {
  readonly slab: Slab;
  /** A multiple of 8. */
  readonly at: number;
  readonly byteLength: number;
}

function newSlab(bytes: number): Slab {
  const buffer = new ArrayBuffer(bytes);
  return { bytes: Buffer.from(buffer), view: new DataView(buffer), words: new Int32Array(buffer) };
}

/** @returns how many bytes it took */
function writeText(bytes: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT_CHARS) return bytes.write(text, at);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return bytes.write(text, at);
    bytes[at + i] = code;
  }
  return length;
}

/** Where requests wait as bytes. A slab is garbage once the last request in it has left. */
export class RequestStore {
  #slab = newSlab(SLAB_BYTES);
  #used = 0;

  /** Copies all of the request; nothing of it is kept. */
  add(request: BatchRequest): EncodedRequest {
    const texts = [
      request.subject,
      request.seat,
      request.query,
      request.idempotencyKey,
      request.ifNoneMatch,
      request.ifMatch,
      request.client,
      request.keyId,
      request.events,
      request.requestId,
    ];
    const bodyBytes = request.body === null ? 0 : request.body.byteLength;
    let chars = 0;
    for (let i = 0; i < texts.length; i++) chars += texts[i].length;
    const at = this.#room(REQUEST_BYTES + chars * UTF8_BYTES_MAX + bodyBytes);
    const slab = this.#slab;
    const { bytes, view } = slab;
    let end = at + REQUEST_BYTES;
    for (let i = 0; i < texts.length; i++) {
      const length = writeText(bytes, end, texts[i]);
      assert(length <= 0xffff, 'a request text fits 16 bits');
      view.setUint16(at + TEXT_LENGTHS + i * 2, length, true);
      end += length;
    }
    const isAscii = end - at - REQUEST_BYTES === chars;
    const flags =
      (request.octets ? FLAG_OCTETS : 0) |
      (request.body === null ? 0 : FLAG_BODY) |
      (ROLES.indexOf(request.role) << ROLE_SHIFT) |
      (isAscii ? FLAG_ASCII : 0) |
      (request.variesByKey ? FLAG_VARIES : 0);
    view.setUint32(at, request.operation | (flags << 8), true);
    view.setUint32(at + FACT, request.fact, true);
    view.setFloat64(at + 8, request.receivedAtMs, true);
    view.setUint32(at + BODY_LENGTH, bodyBytes, true);
    if (request.body !== null) bytes.set(request.body, end);
    const byteLength = align8(end + bodyBytes - at);
    this.#used = at + byteLength;
    return { slab, at, byteLength };
  }

  /** Where there are so many bytes left. */
  #room(bytesMax: number): number {
    const needed = align8(bytesMax);
    if (this.#used + needed > this.#slab.words.byteLength) {
      this.#slab = newSlab(Math.max(SLAB_BYTES, needed));
      this.#used = 0;
    }
    return this.#used;
  }
}

/**
 * A batch in an ArrayBuffer of exactly its size (a pooled Buffer would be cloned whole).
 * @param facts of each request, see BatchRequest.fact; null: as they were encoded
 */
export function encodeBatch(
  header: BatchHeader,
  requests: readonly EncodedRequest[],
  facts: readonly number[] | null = null,
): ArrayBuffer {
  let total = HEADER_BYTES;
  for (let i = 0; i < requests.length; i++) total += requests[i].byteLength;
  const batch = new ArrayBuffer(total);
  const view = new DataView(batch);
  view.setUint32(0, requests.length, true);
  view.setUint32(4, header.batchId, true);
  view.setUint32(8, header.eventSlot, true);
  view.setUint32(12, header.kind, true);
  view.setFloat64(16, header.nowMs, true);
  view.setFloat64(24, header.expireBeforeMs, true);
  view.setUint32(32, header.reclaim === true ? 1 : 0, true);
  const words = new Int32Array(batch);
  let at = HEADER_BYTES;
  for (let i = 0; i < requests.length; i++) {
    copyWords(words, at >>> 2, requests[i]);
    if (facts !== null) view.setUint32(at + FACT, facts[i], true);
    at += requests[i].byteLength;
  }
  assert(at === total, 'a request batch fills its buffer');
  return batch;
}

/** Requests are short: a loop is faster than a view of each and TypedArray.set(). */
function copyWords(target: Int32Array, start: number, { slab, at, byteLength }: EncodedRequest): void {
  const { words } = slab;
  const from = at >>> 2;
  const count = byteLength >>> 2;
  for (let i = 0; i < count; i++) target[start + i] = words[from + i];
}

export function decodeRequestHeader(batch: ArrayBuffer): BatchHeader & { readonly count: number } {
  const view = new DataView(batch);
  return {
    count: view.getUint32(0, true),
    batchId: view.getUint32(4, true),
    eventSlot: view.getUint32(8, true),
    kind: view.getUint32(12, true) as BatchKind,
    nowMs: view.getFloat64(16, true),
    expireBeforeMs: view.getFloat64(24, true),
    reclaim: view.getUint32(32, true) !== 0,
  };
}

/** The texts of one request, one after the other. */
class TextReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** All of them, if their bytes are characters: one call out of JavaScript instead of one for each. */
  #ascii: string | null = null;
  #start = 0;
  #at = 0;

  constructor(bytes: Buffer, view: DataView) {
    this.#bytes = bytes;
    this.#view = view;
  }

  /** @returns where the texts end */
  open(start: number, isAscii: boolean): number {
    this.#start = start;
    this.#at = start + REQUEST_BYTES;
    let end = this.#at;
    for (let at = start + TEXT_LENGTHS; at < start + BODY_LENGTH; at += 2)
      end += this.#view.getUint16(at, true);
    this.#ascii = isAscii ? this.#bytes.toString('latin1', this.#at, end) : null;
    return end;
  }

  text(index: number): string {
    const length = this.#view.getUint16(this.#start + TEXT_LENGTHS + index * 2, true);
    if (length === 0) return '';
    const from = this.#at;
    this.#at += length;
    if (this.#ascii === null) return this.#bytes.toString('utf8', from, this.#at);
    const base = this.#start + REQUEST_BYTES;
    return this.#ascii.slice(from - base, this.#at - base);
  }
}

/** Reads the requests of a batch in order. Texts are decoded; the body stays a view on the batch. */
export function decodeRequests(batch: ArrayBuffer): BatchRequest[] {
  const view = new DataView(batch);
  const texts = new TextReader(Buffer.from(batch), view);
  const count = view.getUint32(0, true);
  const requests: BatchRequest[] = [];
  let start = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const word = view.getUint32(start, true);
    const flags = word >>> 8;
    const end = texts.open(start, (flags & FLAG_ASCII) !== 0);
    const bodyBytes = view.getUint32(start + BODY_LENGTH, true);
    // In the order in which they were written.
    requests.push({
      operation: word & 0xff,
      fact: view.getUint32(start + FACT, true),
      receivedAtMs: view.getFloat64(start + 8, true),
      subject: texts.text(0),
      seat: texts.text(1),
      query: texts.text(2),
      idempotencyKey: texts.text(3),
      ifNoneMatch: texts.text(4),
      ifMatch: texts.text(5),
      client: texts.text(6),
      keyId: texts.text(7),
      role: ROLES[(flags >>> ROLE_SHIFT) & ROLE_MASK],
      events: texts.text(8),
      requestId: texts.text(9),
      octets: (flags & FLAG_OCTETS) !== 0,
      variesByKey: (flags & FLAG_VARIES) !== 0,
      body: (flags & FLAG_BODY) === 0 ? null : new Uint8Array(batch, end, bodyBytes),
    });
    start += align8(end + bodyBytes - start);
  }
  assert(start === batch.byteLength, 'a request batch ends where its buffer ends');
  return requests;
}
