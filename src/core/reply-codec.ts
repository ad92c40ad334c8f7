/**
 * Replies as bytes: each a whole HTTP/1.1 message as a worker made it, which main hands to the socket as it is.
 *
 *   header, 12 words                                        per reply, 6 words, then its message
 *   w0 reply count   w1 batch id                            w0 | cost:16 | content type:4 | status:12 |
 *   w2–3 gate: position that must be durable first (f64)    w1 | bytes of the lines:16 | of the status line:16 |
 *   w4–5 next deadline of the event, ms (f64; ∞: none)      w2–3 sequence (f64; -1: none)
 *   w6 holds expired in this batch                          w4 bytes of the head   w5 bytes of the body
 *   w7 more are due (0 or 1)
 *   w8 memory was retired (0 or 1)                          | status line | lines | framing lines | body |
 *   w9–11 spare                                             ◀────────────── head ─────────────────▶
 */
import { assert } from './assert.ts';
import type { BatchReply, BatchRequest, ContentType, ReplyHeader } from './batch.ts';
import { framingLines, isBodiless, replyLines, statusLine } from './message.ts';

const HEADER_BYTES = 48;
const REPLY_BYTES = 24;
const TYPE_SHIFT = 12;
const TYPE_MASK = 0xf;
const STATUS_MASK = 0xfff;
const COST_SHIFT = 16;
const COST_MAX = 0xffff;
/** Of bodies that are written with their head: joining makes a copy. */
const JOINED_BYTES_MAX = 4096;

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

function byteLengthOf(body: string | Uint8Array): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}

/** `requests` are what each reply is to. */
export function encodeReplies(
  header: Omit<ReplyHeader, 'count'>,
  requests: readonly BatchRequest[],
  replies: readonly BatchReply[],
): ArrayBuffer {
  const lines: string[] = [];
  const framings: string[] = [];
  const bodyBytes: number[] = [];
  let total = HEADER_BYTES;
  for (let i = 0; i < replies.length; i++) {
    const reply = replies[i];
    const { status } = reply;
    lines.push(replyLines(reply, requests[i]));
    bodyBytes.push(byteLengthOf(reply.body));
    framings.push(framingLines(status, bodyBytes[i]));
    const headBytes = statusLine(status).length + lines[i].length + framings[i].length;
    total += align8(REPLY_BYTES + headBytes + bodyBytes[i]);
  }
  const batch = new ArrayBuffer(total);
  const view = new DataView(batch);
  const bytes = Buffer.from(batch);
  view.setUint32(0, replies.length, true);
  view.setUint32(4, header.batchId, true);
  view.setFloat64(8, header.gate, true);
  view.setFloat64(16, header.nextDeadlineMs, true);
  view.setUint32(24, header.expired, true);
  view.setUint32(28, header.moreDue ? 1 : 0, true);
  view.setUint32(32, header.retired === true ? 1 : 0, true);
  let start = HEADER_BYTES;
  for (let i = 0; i < replies.length; i++) {
    start += align8(writeReply(bytes, view, start, replies[i], lines[i], framings[i], bodyBytes[i]));
  }
  assert(start === total, 'a reply batch fills its buffer');
  return batch;
}

type Written = Pick<BatchReply, 'status' | 'contentType' | 'sequence' | 'cost' | 'body'>;

/** @returns how many bytes it took */
function writeReply(
  bytes: Buffer,
  view: DataView,
  start: number,
  { status, contentType, sequence, cost, body }: Written,
  lines: string,
  framing: string,
  bodyBytes: number,
): number {
  const first = statusLine(status);
  const head = first + lines + framing;
  const costWord = Math.min(COST_MAX, Math.max(1, cost ?? 1)) << COST_SHIFT;
  view.setUint32(start, status | (contentType << TYPE_SHIFT) | costWord, true);
  view.setUint32(start + 4, first.length | (lines.length << 16), true);
  view.setFloat64(start + 8, sequence, true);
  view.setUint32(start + 16, head.length, true);
  view.setUint32(start + 20, bodyBytes, true);
  writeMessage(bytes, start + REPLY_BYTES, head, body, bodyBytes);
  return REPLY_BYTES + head.length + bodyBytes;
}

/** A reply by itself, as main makes it of one that it has. A long body is not copied: many may share it. */
export function encodeReply(reply: Written & { readonly body: Buffer }, lines: string): ReplyMessage {
  const { status, body } = reply;
  const bodyBytes = body.byteLength;
  const framing = framingLines(status, bodyBytes);
  const headBytes = statusLine(status).length + lines.length + framing.length;
  const rest = bodyBytes > JOINED_BYTES_MAX ? body : null;
  const bytes = Buffer.allocUnsafe(REPLY_BYTES + headBytes + (rest === null ? bodyBytes : 0));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const written = rest === null ? reply : { ...reply, body: '' };
  writeReply(bytes, view, 0, written, lines, framing, rest === null ? bodyBytes : 0);
  return new ReplyMessage(bytes, view, 0, rest);
}

function writeMessage(
  bytes: Buffer,
  at: number,
  head: string,
  body: string | Uint8Array,
  bodyBytes: number,
): void {
  if (typeof body !== 'string') {
    bytes.write(head, at, 'latin1');
    bytes.set(body, at + head.length);
  } else if (bodyBytes === body.length && bodyBytes <= JOINED_BYTES_MAX) {
    // All ASCII, as nearly always: bytes are characters, and one call writes both.
    bytes.write(head + body, at, 'latin1');
  } else {
    bytes.write(head, at, 'latin1');
    bytes.write(body, at + head.length, 'utf8');
  }
}

export function decodeReplyHeader(batch: ArrayBuffer): ReplyHeader {
  const view = new DataView(batch);
  return {
    count: view.getUint32(0, true),
    batchId: view.getUint32(4, true),
    gate: view.getFloat64(8, true),
    nextDeadlineMs: view.getFloat64(16, true),
    expired: view.getUint32(24, true),
    moreDue: view.getUint32(28, true) !== 0,
    retired: view.getUint32(32, true) !== 0,
  };
}

/** One reply of a batch, read where it lies. It keeps the whole batch in memory. */
export class ReplyMessage {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #start: number;
  /** The body, where it does not lie behind its head. */
  readonly #rest: Buffer | null;

  constructor(bytes: Buffer, view: DataView, start: number, rest: Buffer | null = null) {
    this.#bytes = bytes;
    this.#view = view;
    this.#start = start;
    this.#rest = rest;
  }

  get kind(): 'reply' {
    return 'reply';
  }

  get status(): number {
    return this.#view.getUint32(this.#start, true) & STATUS_MASK;
  }

  get contentType(): ContentType {
    return ((this.#view.getUint32(this.#start, true) >>> TYPE_SHIFT) & TYPE_MASK) as ContentType;
  }

  /** Turns of the fair queue that it used up, at least 1. */
  get cost(): number {
    return this.#view.getUint32(this.#start, true) >>> COST_SHIFT;
  }

  /** -1 for none. */
  get sequence(): number {
    return this.#view.getFloat64(this.#start + 8, true);
  }

  get close(): false {
    return false;
  }

  get #headBytes(): number {
    return this.#view.getUint32(this.#start + 16, true);
  }

  get #bodyBytes(): number {
    return this.#view.getUint32(this.#start + 20, true);
  }

  /** Header lines but for the framing, each with its end. */
  get headers(): string {
    const lengths = this.#view.getUint32(this.#start + 4, true);
    const from = this.#start + REPLY_BYTES + (lengths & 0xffff);
    return this.#bytes.toString('latin1', from, from + (lengths >>> 16));
  }

  /** Null where there is none at all. */
  get body(): Buffer | null {
    if (isBodiless(this.status)) return null;
    if (this.#rest !== null) return this.#rest;
    const from = this.#start + REPLY_BYTES + this.#headBytes;
    return this.#bytes.subarray(from, from + this.#bodyBytes);
  }

  /** All of it but for `rest`, for a connection that goes on. */
  get message(): Buffer {
    const from = this.#start + REPLY_BYTES;
    return this.#bytes.subarray(from, from + this.#headBytes + this.#bodyBytes);
  }

  get rest(): Buffer | null {
    return this.#rest;
  }

  /** Where the next one begins. */
  get end(): number {
    return this.#start + align8(REPLY_BYTES + this.#headBytes + this.#bodyBytes);
  }
}

/** The replies of a batch in order. */
export function decodeReplies(batch: ArrayBuffer): ReplyMessage[] {
  const view = new DataView(batch);
  const bytes = Buffer.from(batch);
  const count = view.getUint32(0, true);
  const replies: ReplyMessage[] = [];
  let start = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const reply = new ReplyMessage(bytes, view, start);
    replies.push(reply);
    start = reply.end;
  }
  assert(start === batch.byteLength, 'a reply batch ends where its buffer ends');
  return replies;
}
