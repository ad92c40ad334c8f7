/** Batches as the main thread makes and reads them, for tests that are the other side. */
import type { BatchHeader, BatchReply, BatchRequest, ContentType } from '../../src/core/batch.ts';
import { decodeReplies, encodeReplies, type ReplyMessage } from '../../src/core/reply-codec.ts';
import { encodeBatch, RequestStore } from '../../src/core/request-codec.ts';

export function batchOf(header: BatchHeader, requests: readonly BatchRequest[]): ArrayBuffer {
  const store = new RequestStore();
  return encodeBatch(
    header,
    requests.map((request) => store.add(request)),
  );
}

/** A reply with its header lines told apart. */
export interface ReadReply {
  readonly status: number;
  readonly contentType: ContentType;
  readonly sequence: number;
  readonly cost: number;
  readonly etag: string;
  readonly location: string;
  readonly replayed: boolean;
  readonly isPublic: boolean;
  /** Empty where there is none. */
  readonly body: Buffer;
}

function readReply(message: ReplyMessage): ReadReply {
  const { status, contentType, sequence, cost, headers, body } = message;
  const value = (name: string): string => new RegExp(`^${name}: (.*)\r$`, 'm').exec(headers)?.[1] ?? '';
  return {
    status,
    contentType,
    sequence,
    cost,
    etag: value('ETag'),
    location: value('Location'),
    replayed: value('Idempotency-Replayed') === 'true',
    isPublic: value('Cache-Control').startsWith('public'),
    body: body ?? Buffer.alloc(0),
  };
}

export function readReplies(batch: ArrayBuffer): ReadReply[] {
  return decodeReplies(batch).map(readReply);
}

/** What main sees of a worker's reply. */
export function messageOf(reply: BatchReply, request: BatchRequest): ReplyMessage {
  const header = { batchId: 1, gate: 0, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
  return decodeReplies(encodeReplies(header, [request], [reply]))[0];
}
