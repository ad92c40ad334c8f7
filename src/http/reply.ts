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

const TYPE_LINES: Readonly<Record<ContentType, string>> = {
  [CONTENT_TYPE.none]: '',
  [CONTENT_TYPE.json]: 'Content-Type: application/json\r\n',
  [CONTENT_TYPE.problem]: 'Content-Type: application/problem+json\r\n',
  [CONTENT_TYPE.octets]: 'Content-Type: application/octet-stream\r\n',
};
// Source: API.md, Conventions: public replies may be kept for a second, replies with a key never.
const PUBLIC = 'Cache-Control: public, max-age=1\r\n';
const NO_STORE = 'Cache-Control: no-store\r\n';
const NOT_OF_A_VALUE = /[^\t\x20-\x7e]/;

/** A header line with its end. A value is ours or was checked: one that could end its line would be a bug. */
function line(name: string, value: string): string {
  assert(!NOT_OF_A_VALUE.test(value), 'a header value is visible ASCII');
  return `${name}: ${value}\r\n`;
}

/** @param headers names and values by turns */
export function headerLines(headers: readonly string[]): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) text += line(headers[i], headers[i + 1]);
  return text;
}

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
  const isPublic = reply.isPublic && !varies.hasKey;
  let headers = (isPublic ? PUBLIC : NO_STORE) + line('X-Request-Id', requestId);
  if (!bodiless) headers += TYPE_LINES[reply.contentType];
  if (reply.sequence >= 0) headers += `Frontrow-Sequence: ${reply.sequence}\r\n`;
  if (reply.etag !== '') headers += line('ETag', reply.etag);
  if (reply.location !== '') headers += line('Location', reply.location);
  if (reply.replayed) headers += 'Idempotency-Replayed: true\r\n';
  if (reply.retryAfterMs > 0) headers += line('Retry-After', retryAfterSeconds(reply.retryAfterMs));
  if (varies.byKey && isPublic) {
    headers += varies.negotiates ? 'Vary: Accept, Authorization\r\n' : 'Vary: Authorization\r\n';
  } else if (varies.negotiates) headers += 'Vary: Accept\r\n';
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
  let headers = NO_STORE + line('X-Request-Id', requestId) + TYPE_LINES[CONTENT_TYPE.problem];
  if (options.allow !== undefined) headers += line('Allow', options.allow);
  if (options.authenticate !== undefined) headers += line('WWW-Authenticate', options.authenticate);
  if (extras.retryAfterMs !== undefined)
    headers += line('Retry-After', retryAfterSeconds(extras.retryAfterMs));
  if (options.negotiates === true) headers += 'Vary: Accept\r\n';
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
    headers: headerLines(page.headers) + line('X-Request-Id', requestId),
    body: page.body,
    close: false,
  };
}

/** For the health calls. */
export function statusReply(status: string, requestId: string): Reply {
  return {
    status: 200,
    headers: NO_STORE + line('X-Request-Id', requestId) + TYPE_LINES[CONTENT_TYPE.json],
    body: Buffer.from(`{"status":"${status}"}`),
    close: false,
  };
}

/** A whole last reply as bytes, for a connection whose parser has given up. */
export function closingBytes(reply: Reply): Uint8Array {
  const body = reply.body ?? new Uint8Array(0);
  let head = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n`;
  head += reply.headers;
  head += `Date: ${new Date().toUTCString()}\r\nContent-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}
