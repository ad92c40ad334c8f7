/**
 * Replies as status, headers and bytes: from the dispatcher's answers, and from problems of our own. Framing headers
 * are the listener's. Main thread.
 */
import { STATUS_CODES } from 'node:http';
import { assert } from '../core/assert.ts';
import { CONTENT_TYPE } from '../core/batch.ts';
import type { BatchReply, ContentType } from '../core/batch.ts';
import { PROBLEMS, problemJson } from '../core/problems.ts';
import type { ProblemCode, ProblemExtras } from '../core/problems.ts';
import type { SinkReply } from '../dispatch/sink.ts';
import type { Reply } from './listener.ts';
import type { PageReply } from './page.ts';

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

/** What a reply depends on beside the target, for caches. */
export interface Varies {
  /** The Accept header had a say. */
  readonly negotiates: boolean;
  /** There are keys: another caller may see more, or less. */
  readonly byKey: boolean;
  /** This one came with a key. */
  readonly hasKey: boolean;
}

export function replyOf(sinkReply: SinkReply, requestId: string, varies: Varies): Reply {
  return sinkReply.kind === 'reply'
    ? batchReply(sinkReply.reply, requestId, varies)
    : problemReply(sinkReply.code, requestId, sinkReply.extras);
}

function batchReply(reply: BatchReply, requestId: string, varies: Varies): Reply {
  const bodiless = reply.status === 204 || reply.status === 304;
  // Source: API.md, Conventions: public replies may be kept for a second, replies with a key never.
  const isPublic = reply.isPublic && !varies.hasKey;
  const headers = ['Cache-Control', isPublic ? 'public, max-age=1' : 'no-store', 'X-Request-Id', requestId];
  if (!bodiless && reply.contentType !== CONTENT_TYPE.none) {
    headers.push('Content-Type', TYPE_NAMES[reply.contentType]);
  }
  if (reply.sequence >= 0) headers.push('Frontrow-Sequence', String(reply.sequence));
  if (reply.etag !== '') headers.push('ETag', reply.etag);
  if (reply.location !== '') headers.push('Location', reply.location);
  if (reply.replayed) headers.push('Idempotency-Replayed', 'true');
  if (reply.retryAfterMs > 0) headers.push('Retry-After', retryAfterSeconds(reply.retryAfterMs));
  if (varies.byKey && isPublic) {
    headers.push('Vary', varies.negotiates ? 'Accept, Authorization' : 'Authorization');
  } else if (varies.negotiates) headers.push('Vary', 'Accept');
  return { status: reply.status, headers, body: bodiless ? null : reply.body, close: false };
}

/** problemJson() writes the type first, and its name is the code. */
const TYPE_PREFIX = '{"type":"urn:frontrow:problem:';

/** The problem code of a worker's refusal, read from its bytes; empty if it is none. */
export function codeOf(sinkReply: SinkReply): string {
  if (sinkReply.kind === 'problem') return sinkReply.code;
  const { contentType, body } = sinkReply.reply;
  if (contentType !== CONTENT_TYPE.problem) return '';
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 128)).toString('latin1');
  if (!start.startsWith(TYPE_PREFIX)) return '';
  return start.slice(
    TYPE_PREFIX.length,
    Math.max(TYPE_PREFIX.length, start.indexOf('"', TYPE_PREFIX.length)),
  );
}

export interface ProblemOptions {
  readonly close?: boolean;
  /** For `method-not-allowed`. */
  readonly allow?: string | undefined;
  /** WWW-Authenticate, for `unauthorized`. */
  readonly authenticate?: string | undefined;
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
  if (options.authenticate !== undefined) headers.push('WWW-Authenticate', options.authenticate);
  if (extras.retryAfterMs !== undefined) headers.push('Retry-After', retryAfterSeconds(extras.retryAfterMs));
  if (options.negotiates === true) headers.push('Vary', 'Accept');
  return {
    status: PROBLEMS[code][0],
    headers,
    body: Buffer.from(problemJson(code, requestId, extras)),
    close: options.close ?? false,
  };
}

export function pageReply(page: PageReply, requestId: string): Reply {
  return {
    status: page.status,
    headers: [...page.headers, 'X-Request-Id', requestId],
    body: page.body,
    close: false,
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

const NOT_OF_A_VALUE = /[^\t\x20-\x7e]/;

/** Header lines, each with its end. Values are ours or were checked: one that could end its line would be a bug. */
export function headerLines(headers: readonly string[]): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1];
    assert(!NOT_OF_A_VALUE.test(value), 'a header value is visible ASCII');
    text += `${headers[i]}: ${value}\r\n`;
  }
  return text;
}

/** A whole last reply as bytes, for a connection whose parser has given up. */
export function closingBytes(reply: Reply): Uint8Array {
  const body = reply.body ?? new Uint8Array(0);
  let head = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n`;
  head += headerLines(reply.headers);
  head += `Date: ${new Date().toUTCString()}\r\nContent-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}
