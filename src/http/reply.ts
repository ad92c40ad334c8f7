/**
 * Replies as status, headers and bytes: from the dispatcher's answers, and from problems of our own. Framing headers
 * are the listener's. Main thread.
 */
import { STATUS_CODES } from 'node:http';
import { CONTENT_TYPE } from '../core/batch.ts';
import type { BatchReply, ContentType } from '../core/batch.ts';
import { PROBLEMS, problemJson } from '../core/problems.ts';
import type { ProblemCode, ProblemExtras } from '../core/problems.ts';
import type { SinkReply } from '../dispatch/sink.ts';
import type { Reply } from './listener.ts';

const TYPE_NAMES: Readonly<Record<ContentType, string>> = {
  [CONTENT_TYPE.none]: '',
  [CONTENT_TYPE.json]: 'application/json',
  [CONTENT_TYPE.problem]: 'application/problem+json',
  [CONTENT_TYPE.octets]: 'application/octet-stream',
};

/** `Retry-After` knows whole seconds only; rounding up keeps a caller from coming too early. */
function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.ceil(retryAfterMs / 1000));
}

/** @param negotiates whether the Accept header had a say, for caches */
export function replyOf(sinkReply: SinkReply, requestId: string, negotiates: boolean): Reply {
  return sinkReply.kind === 'reply'
    ? batchReply(sinkReply.reply, requestId, negotiates)
    : problemReply(sinkReply.code, requestId, sinkReply.extras);
}

function batchReply(reply: BatchReply, requestId: string, negotiates: boolean): Reply {
  const bodiless = reply.status === 204 || reply.status === 304;
  const headers = [
    'Cache-Control',
    reply.isPublic ? 'public, max-age=1' : 'no-store',
    'X-Request-Id',
    requestId,
  ];
  if (!bodiless && reply.contentType !== CONTENT_TYPE.none) {
    headers.push('Content-Type', TYPE_NAMES[reply.contentType]);
  }
  if (reply.sequence >= 0) headers.push('Frontrow-Sequence', String(reply.sequence));
  if (reply.etag !== '') headers.push('ETag', reply.etag);
  if (reply.location !== '') headers.push('Location', reply.location);
  if (reply.replayed) headers.push('Idempotency-Replayed', 'true');
  if (reply.retryAfterMs > 0) headers.push('Retry-After', retryAfterSeconds(reply.retryAfterMs));
  if (negotiates) headers.push('Vary', 'Accept');
  return { status: reply.status, headers, body: bodiless ? null : reply.body, close: false };
}

export interface ProblemOptions {
  readonly close?: boolean;
  /** For `method-not-allowed`. */
  readonly allow?: string;
  readonly negotiates?: boolean;
}

export function problemReply(
  code: ProblemCode,
  requestId: string,
  extras: ProblemExtras,
  options: ProblemOptions = {},
): Reply {
  const headers = [
    'Cache-Control',
    'no-store',
    'X-Request-Id',
    requestId,
    'Content-Type',
    'application/problem+json',
  ];
  if (options.allow !== undefined) headers.push('Allow', options.allow);
  if (extras.retryAfterMs !== undefined) headers.push('Retry-After', retryAfterSeconds(extras.retryAfterMs));
  if (options.negotiates === true) headers.push('Vary', 'Accept');
  return {
    status: PROBLEMS[code][0],
    headers,
    body: Buffer.from(problemJson(code, requestId, extras)),
    close: options.close ?? false,
  };
}

/** For the health calls. */
export function statusReply(status: string, requestId: string): Reply {
  return {
    status: 200,
    headers: ['Cache-Control', 'no-store', 'X-Request-Id', requestId, 'Content-Type', 'application/json'],
    body: Buffer.from(`{"status":"${status}"}`),
    close: false,
  };
}

/** A whole last reply as bytes, for a connection whose parser has given up. */
export function closingBytes(reply: Reply): Uint8Array {
  const body = reply.body ?? new Uint8Array(0);
  let head = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n`;
  for (let i = 0; i < reply.headers.length; i += 2)
    head += `${reply.headers[i]}: ${reply.headers[i + 1]}\r\n`;
  head += `Date: ${new Date().toUTCString()}\r\nContent-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}
