/**
 * Replies as bytes: each a whole HTTP/1.1 message as a worker made it, which main hands to the socket as it is.
 *
 *   header, 12 words                                        of each reply, 6 words
 *   w0 reply count   w1 batch id                            w0 | cost:16 | content type:4 | status:12 |
 *   w2–3 gate: position that must be durable first (f64)    w1 | bytes of the lines:16 | of the status line:16 |
 *   w4–5 next deadline of the event, ms (f64; ∞: none)      w2–3 sequence (f64; -1: none)
 *   w6 holds expired in this batch                          w4 bytes of the head   w5 bytes of the body
 *   w7 more are due (0 or 1)
 *   w8 memory was retired (0 or 1)                          then their messages, one behind the other
 *   w9–11 spare                                             | status line | lines | framing lines | body |
 *                                                           ◀────────────── head ─────────────────▶
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
/** A body that is longer is not copied by encodeReply(). */
const JOINED_BYTES_MAX = 4096;
/** Messages of a batch that are written as one text: joining makes a copy. */
const TEXT_CHARS_MAX = 256 * 1024;

function byteLengthOf(body: string | Uint8Array): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}

/** What is said of a reply before its message. */
type Described = Pick<BatchReply, 'status' | 'contentType' | 'sequence' | 'cost'>;

/** `requests` are what each reply is to. */
export function encodeReplies(
  header: Omit<ReplyHeader, 'count'>,
  requests: readonly BatchRequest[],
  replies: readonly BatchReply[],
): ArrayBuffer {
  const lines: string[] = [];
  for (let i = 0; i < replies.length; i++) lines.push(replyLines(replies[i], requests[i]));
  return encodeAsText(header, lines, replies) ?? encodeOneByOne(header, lines, replies);
}

/**
 * Nearly always all of it is ASCII: bytes are characters, and one call out of JavaScript writes the messages of a whole
 * batch. Null where that is not so.
 */
function encodeAsText(
  header: Omit<ReplyHeader, 'count'>,
  lines: readonly string[],
  replies: readonly BatchReply[],
): ArrayBuffer | null {
  let text = '';
  const headBytes: number[] = [];
  for (let i = 0; i < replies.length; i++) {
    const { status, body } = replies[i];
    if (typeof body !== 'string') return null;
    const head = headText(status, lines[i], body.length);
    headBytes.push(head.length);
    text += head + body;
    if (text.length > TEXT_CHARS_MAX) return null;
  }
  if (Buffer.byteLength(text) !== text.length) return null;
  const { batch, view, bytes } = newBatch(header, replies.length, text.length);
  for (let i = 0; i < replies.length; i++)
    describe(
      view,
      HEADER_BYTES + i * REPLY_BYTES,
      replies[i],
      lines[i],
      headBytes[i],
      replies[i].body.length,
    );
  bytes.write(text, HEADER_BYTES + replies.length * REPLY_BYTES, 'latin1');
  return batch;
}

function encodeOneByOne(
  header: Omit<ReplyHeader, 'count'>,
  lines: readonly string[],
  replies: readonly BatchReply[],
): ArrayBuffer {
  const heads: string[] = [];
  const bodyBytes: number[] = [];
  let total = 0;
  for (let i = 0; i < replies.length; i++) {
    const { status, body } = replies[i];
    bodyBytes.push(byteLengthOf(body));
    heads.push(headText(status, lines[i], bodyBytes[i]));
    total += heads[i].length + bodyBytes[i];
  }
  const { batch, view, bytes } = newBatch(header, replies.length, total);
  let at = HEADER_BYTES + replies.length * REPLY_BYTES;
  for (let i = 0; i < replies.length; i++) {
    const described = HEADER_BYTES + i * REPLY_BYTES;
    describe(view, described, replies[i], lines[i], heads[i].length, bodyBytes[i]);
    writeMessage(bytes, at, heads[i], replies[i].body);
    at += heads[i].length + bodyBytes[i];
  }
  assert(at === batch.byteLength, 'a reply batch fills its buffer');
  return batch;
}

function newBatch(
  header: Omit<ReplyHeader, 'count'>,
  count: number,
  messageBytes: number,
): { batch: ArrayBuffer; view: DataView; bytes: Buffer } {
  const batch = new ArrayBuffer(HEADER_BYTES + count * REPLY_BYTES + messageBytes);
  const view = new DataView(batch);
  view.setUint32(0, count, true);
  view.setUint32(4, header.batchId, true);
  view.setFloat64(8, header.gate, true);
  view.setFloat64(16, header.nextDeadlineMs, true);
  view.setUint32(24, header.expired, true);
  view.setUint32(28, header.moreDue ? 1 : 0, true);
  view.setUint32(32, header.retired === true ? 1 : 0, true);
  return { batch, view, bytes: Buffer.from(batch) };
}

/** It is ASCII. */
function headText(status: number, lines: string, bodyBytes: number): string {
  return statusLine(status) + lines + framingLines(status, bodyBytes);
}

function describe(
  view: DataView,
  at: number,
  { status, contentType, sequence, cost }: Described,
  lines: string,
  headBytes: number,
  bodyBytes: number,
): void {
  const costWord = Math.min(COST_MAX, Math.max(1, cost ?? 1)) << COST_SHIFT;
  view.setUint32(at, status | (contentType << TYPE_SHIFT) | costWord, true);
  view.setUint32(at + 4, statusLine(status).length | (lines.length << 16), true);
  view.setFloat64(at + 8, sequence, true);
  view.setUint32(at + 16, headBytes, true);
  view.setUint32(at + 20, bodyBytes, true);
}

function writeMessage(bytes: Buffer, at: number, head: string, body: string | Uint8Array): void {
  bytes.write(head, at, 'latin1');
  if (typeof body === 'string') bytes.write(body, at + head.length, 'utf8');
  else bytes.set(body, at + head.length);
}

/** A reply by itself, as main makes it of one that it has. A long body is not copied: many may share it. */
export function encodeReply(reply: Described & { readonly body: Buffer }, lines: string): ReplyMessage {
  const { body } = reply;
  const head = headText(reply.status, lines, body.byteLength);
  const rest = body.byteLength > JOINED_BYTES_MAX ? body : null;
  const joined = rest === null ? body : '';
  const bytes = Buffer.allocUnsafe(REPLY_BYTES + head.length + joined.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  describe(view, 0, reply, lines, head.length, joined.length);
  writeMessage(bytes, REPLY_BYTES, head, joined);
  return new ReplyMessage(bytes, view, 0, REPLY_BYTES, rest);
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
  /** Where it is described, and where its message is. */
  readonly #start: number;
  readonly #at: number;
  /** The body, where it does not lie behind its head. */
  readonly #rest: Buffer | null;

  constructor(bytes: Buffer, view: DataView, start: number, at: number, rest: Buffer | null = null) {
    this.#bytes = bytes;
    this.#view = view;
    this.#start = start;
    this.#at = at;
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
    const from = this.#at + (lengths & 0xffff);
    return this.#bytes.toString('latin1', from, from + (lengths >>> 16));
  }

  /** Null where there is none at all. */
  get body(): Buffer | null {
    if (isBodiless(this.status)) return null;
    if (this.#rest !== null) return this.#rest;
    const from = this.#at + this.#headBytes;
    return this.#bytes.subarray(from, from + this.#bodyBytes);
  }

  /** All of it but for `rest`, for a connection that goes on. */
  get message(): Buffer {
    return this.#bytes.subarray(this.#at, this.end);
  }

  get rest(): Buffer | null {
    return this.#rest;
  }

  /** Where the next one's message begins. */
  get end(): number {
    return this.#at + this.#headBytes + this.#bodyBytes;
  }
}

/** The replies of a batch in order. */
export function decodeReplies(batch: ArrayBuffer): ReplyMessage[] {
  const view = new DataView(batch);
  const bytes = Buffer.from(batch);
  const count = view.getUint32(0, true);
  const replies: ReplyMessage[] = [];
  let at = HEADER_BYTES + count * REPLY_BYTES;
  for (let i = 0; i < count; i++) {
    const reply = new ReplyMessage(bytes, view, HEADER_BYTES + i * REPLY_BYTES, at);
    replies.push(reply);
    at = reply.end;
  }
  assert(at === batch.byteLength, 'a reply batch ends where its buffer ends');
  return replies;
}
