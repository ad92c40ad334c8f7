/**
 * What crosses threads: a batch of requests one way, a batch of replies the other, each in one ArrayBuffer of
 * its own that is transferred, never copied. Main encodes requests and decodes replies, workers the reverse.
 *
 * Request batch                                 Reply batch
 *   header, 12 words                              header, 12 words
 *   w0 request count   w1 batch id                w0 reply count   w1 batch id
 *   w2 event slot      w3 batch kind              w2–3 gate: position that must be durable first (f64)
 *   w4–5 now, ms (f64)                            w4–5 next deadline of the event, ms (f64; Infinity: none)
 *   w6–7 expireBefore, ms (f64)                   w6 holds expired in this batch   w7 more are due (0 or 1)
 *   w8 memory may be reclaimed (0 or 1)           w8 memory was retired (0 or 1)
 *   w9–11 spare                                   w9–11 spare
 *   per request: 10 words, then its bytes         per reply: 8 words, then its bytes (w6: | spare:16 | cost:16 |)
 */
import { assert } from './assert.ts';
import { ROLES, type Role } from './roles.ts';

/** write: commands of one event; read: reads of one event; expire: sweep due holds; answer: see CommandFact. */
export const BATCH_KIND = { write: 1, read: 2, expire: 3, answer: 4 } as const;
export type BatchKind = (typeof BATCH_KIND)[keyof typeof BATCH_KIND];

export interface BatchHeader {
  readonly batchId: number;
  readonly eventSlot: number;
  readonly kind: BatchKind;
  /** The main thread's clock at dispatch, ms. */
  readonly nowMs: number;
  /** Only deadlines before this may expire: a request that came in time does not lose to our own queue. */
  readonly expireBeforeMs: number;
  /** Of a registry batch: whoever could still look at memory that was retired has come back. */
  readonly reclaim?: boolean;
}

export interface BatchRequest {
  /** Code of the operation, see operations.ts. */
  readonly operation: number;
  /** When the request was fully received, ms on the main thread's clock. */
  readonly receivedAtMs: number;
  /** Event id, hold id, order id or nothing. */
  readonly subject: string;
  readonly seat: string;
  /** The raw query string without `?`. */
  readonly query: string;
  readonly idempotencyKey: string;
  readonly ifNoneMatch: string;
  readonly ifMatch: string;
  /** Whom the fair queue serves; remembered idempotency keys are shared out by it. */
  readonly client: string;
  /** Id of the caller's key, the scope of its idempotency keys; empty without keys. */
  readonly keyId: string;
  /** What the caller is for this event; for a call that names none, what its key is. */
  readonly role: Role;
  /** Events that the caller's key covers, see coversEvent(). */
  readonly events: string;
  readonly requestId: string;
  /** The caller accepts only `application/octet-stream`. */
  readonly octets: boolean;
  readonly body: Uint8Array | null;
  /** For BATCH_KIND.answer: the cell of the claim (or slot of the event) that the lost command made or changed. */
  readonly fact: number;
}

export const CONTENT_TYPE = { none: 0, json: 1, problem: 2, octets: 3 } as const;
export type ContentType = (typeof CONTENT_TYPE)[keyof typeof CONTENT_TYPE];

export interface BatchReply {
  readonly status: number;
  readonly contentType: ContentType;
  /** `Idempotency-Replayed: true` */
  readonly replayed: boolean;
  /** The reply of a public read: `max-age=1`; else `no-store`. */
  readonly isPublic: boolean;
  /** `Frontrow-Sequence`; -1 for none. */
  readonly sequence: number;
  readonly etag: string;
  readonly location: string;
  /** `Retry-After` in ms; 0 for none. */
  readonly retryAfterMs: number;
  readonly body: Uint8Array;
  /** Turns of the fair queue that this used up: the places that a command took, at least 1. 1 if not given. */
  readonly cost?: number;
}

export interface ReplyHeader {
  readonly count: number;
  readonly batchId: number;
  readonly gate: number;
  readonly nextDeadlineMs: number;
  readonly expired: number;
  readonly moreDue: boolean;
  /** Of a registry batch: memory was retired, to be reclaimed once all batches now under way have come back. */
  readonly retired?: boolean;
}

const HEADER_BYTES = 48;
const REQUEST_BYTES = 40;
const REPLY_BYTES = 32;
const REPLY_COST = 24;
const COST_MAX = 0xffff;
const FLAG_OCTETS = 1;
const FLAG_BODY = 2;
const ROLE_SHIFT = 2;
const BODY_LENGTH = 36;
const FLAG_REPLAYED = 1;
const FLAG_PUBLIC = 2;
const NO_BYTES = new Uint8Array(0);

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Most texts of most requests are empty: no call out of JavaScript for those. */
function textBytes(text: string): number {
  return text === '' ? 0 : Buffer.byteLength(text);
}

function requestBytes(request: BatchRequest): number {
  return align8(
    REQUEST_BYTES +
      textBytes(request.subject) +
      textBytes(request.seat) +
      textBytes(request.query) +
      textBytes(request.idempotencyKey) +
      textBytes(request.ifNoneMatch) +
      textBytes(request.ifMatch) +
      textBytes(request.client) +
      textBytes(request.keyId) +
      textBytes(request.events) +
      textBytes(request.requestId) +
      (request.body === null ? 0 : request.body.byteLength),
  );
}

/** Encodes a batch into an ArrayBuffer of exactly its size (a pooled Buffer would be cloned whole). */
export function encodeRequests(header: BatchHeader, requests: readonly BatchRequest[]): ArrayBuffer {
  let total = HEADER_BYTES;
  for (const request of requests) total += requestBytes(request);
  const batch = new ArrayBuffer(total);
  const view = new DataView(batch);
  const bytes = Buffer.from(batch);
  view.setUint32(0, requests.length, true);
  view.setUint32(4, header.batchId, true);
  view.setUint32(8, header.eventSlot, true);
  view.setUint32(12, header.kind, true);
  view.setFloat64(16, header.nowMs, true);
  view.setFloat64(24, header.expireBeforeMs, true);
  view.setUint32(32, header.reclaim === true ? 1 : 0, true);
  let at = HEADER_BYTES;
  for (const request of requests) at = encodeRequest(view, bytes, at, request);
  assert(at === total, 'a request batch fills its buffer');
  return batch;
}

function encodeRequest(view: DataView, bytes: Buffer, start: number, request: BatchRequest): number {
  const flags =
    (request.octets ? FLAG_OCTETS : 0) |
    (request.body === null ? 0 : FLAG_BODY) |
    (ROLES.indexOf(request.role) << ROLE_SHIFT);
  let at = start + REQUEST_BYTES;
  view.setUint32(start, request.operation | (flags << 8), true);
  view.setUint32(start + 4, request.fact, true);
  view.setFloat64(start + 8, request.receivedAtMs, true);
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
  for (let i = 0; i < texts.length; i++) {
    const length = texts[i] === '' ? 0 : bytes.write(texts[i], at);
    assert(length <= 0xffff, 'a request text fits 16 bits');
    view.setUint16(start + 16 + i * 2, length, true);
    at += length;
  }
  const body = request.body ?? NO_BYTES;
  view.setUint32(start + BODY_LENGTH, body.byteLength, true);
  bytes.set(body, at);
  return start + align8(at + body.byteLength - start);
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

/** Reads the requests of a batch in order. Texts are decoded; the body stays a view on the batch. */
export function decodeRequests(batch: ArrayBuffer): BatchRequest[] {
  const view = new DataView(batch);
  const bytes = Buffer.from(batch);
  const count = view.getUint32(0, true);
  const requests: BatchRequest[] = [];
  let start = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const word = view.getUint32(start, true);
    const flags = word >>> 8;
    let at = start + REQUEST_BYTES;
    const text = (index: number): string => {
      const length = view.getUint16(start + 16 + index * 2, true);
      at += length;
      return length === 0 ? '' : bytes.toString('utf8', at - length, at);
    };
    const subject = text(0);
    const seat = text(1);
    const query = text(2);
    const idempotencyKey = text(3);
    const ifNoneMatch = text(4);
    const ifMatch = text(5);
    const client = text(6);
    const keyId = text(7);
    const events = text(8);
    const requestId = text(9);
    const bodyBytes = view.getUint32(start + BODY_LENGTH, true);
    requests.push({
      operation: word & 0xff,
      fact: view.getUint32(start + 4, true),
      receivedAtMs: view.getFloat64(start + 8, true),
      subject,
      seat,
      query,
      idempotencyKey,
      ifNoneMatch,
      ifMatch,
      client,
      keyId,
      role: ROLES[(flags >>> ROLE_SHIFT) & 3],
      events,
      requestId,
      octets: (flags & FLAG_OCTETS) !== 0,
      body: (flags & FLAG_BODY) === 0 ? null : new Uint8Array(batch, at, bodyBytes),
    });
    start += align8(at + bodyBytes - start);
  }
  assert(start === batch.byteLength, 'a request batch ends where its buffer ends');
  return requests;
}

export function encodeReplies(
  header: Omit<ReplyHeader, 'count'>,
  replies: readonly BatchReply[],
): ArrayBuffer {
  let total = HEADER_BYTES;
  for (const reply of replies) {
    total += align8(REPLY_BYTES + reply.etag.length + reply.location.length + reply.body.byteLength);
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
  let at = HEADER_BYTES;
  for (const reply of replies) {
    const start = at;
    const flags = (reply.replayed ? FLAG_REPLAYED : 0) | (reply.isPublic ? FLAG_PUBLIC : 0);
    view.setUint32(start, reply.status | (reply.contentType << 16) | (flags << 24), true);
    view.setUint16(start + 4, reply.etag.length, true);
    view.setUint16(start + 6, reply.location.length, true);
    view.setFloat64(start + 8, reply.sequence, true);
    view.setUint32(start + 16, reply.body.byteLength, true);
    view.setUint32(start + 20, reply.retryAfterMs, true);
    view.setUint16(start + REPLY_COST, Math.min(COST_MAX, reply.cost ?? 1), true);
    at += REPLY_BYTES;
    if (reply.etag !== '') at += bytes.write(reply.etag, at, 'latin1');
    if (reply.location !== '') at += bytes.write(reply.location, at, 'latin1');
    bytes.set(reply.body, at);
    at = start + align8(at + reply.body.byteLength - start);
  }
  assert(at === total, 'a reply batch fills its buffer');
  return batch;
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

/** Reads the replies of a batch in order; bodies stay views on the batch. */
export function decodeReplies(batch: ArrayBuffer): BatchReply[] {
  const view = new DataView(batch);
  const bytes = Buffer.from(batch);
  const count = view.getUint32(0, true);
  const replies: BatchReply[] = [];
  let start = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const word = view.getUint32(start, true);
    const flags = word >>> 24;
    const etagBytes = view.getUint16(start + 4, true);
    const locationBytes = view.getUint16(start + 6, true);
    const bodyBytes = view.getUint32(start + 16, true);
    const texts = start + REPLY_BYTES;
    const body = texts + etagBytes + locationBytes;
    replies.push({
      status: word & 0xffff,
      contentType: ((word >>> 16) & 0xff) as ContentType,
      replayed: (flags & FLAG_REPLAYED) !== 0,
      isPublic: (flags & FLAG_PUBLIC) !== 0,
      sequence: view.getFloat64(start + 8, true),
      etag: etagBytes === 0 ? '' : bytes.toString('latin1', texts, texts + etagBytes),
      location: locationBytes === 0 ? '' : bytes.toString('latin1', texts + etagBytes, body),
      retryAfterMs: view.getUint32(start + 20, true),
      body: new Uint8Array(batch, body, bodyBytes),
      cost: Math.max(1, view.getUint16(start + REPLY_COST, true)),
    });
    start += align8(body + bodyBytes - start);
  }
  assert(start === batch.byteLength, 'a reply batch ends where its buffer ends');
  return replies;
}
