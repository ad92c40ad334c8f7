/**
 * What crosses threads: a batch of requests one way, a batch of replies the other, each in one ArrayBuffer of
 * its own that is transferred, never copied. How it lies in there: request-codec.ts, reply-codec.ts.
 */
import type { Role } from './roles.ts';

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
  /** There are keys: another caller may be answered otherwise, which caches on the way must know. */
  readonly variesByKey: boolean;
  readonly body: Uint8Array | null;
  /**
   * For BATCH_KIND.answer: the cell of the claim (or slot of the event) that the lost command was about. FACT_UNCHANGED
   * is added where the command succeeded and changed nothing.
   */
  readonly fact: number;
}

/** Cells and slots are below it. */
export const FACT_UNCHANGED = 2 ** 31;

export const CONTENT_TYPE = { none: 0, json: 1, problem: 2, octets: 3 } as const;
export type ContentType = (typeof CONTENT_TYPE)[keyof typeof CONTENT_TYPE];

/** What a worker answers: what its message (message.ts) is made of. */
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
  /** Text, or bytes where it is none. Empty for 204 and 304. */
  readonly body: string | Uint8Array;
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
