/**
 * The head of an HTTP/1.1 reply as text (RFC 9112): of a worker's reply, which is made whole where its text is, so that
 * main has nothing to put together; and the lines that main needs for replies of its own.
 */
import { assert } from './assert.ts';
import { CONTENT_TYPE } from './batch.ts';
import type { BatchReply, BatchRequest, ContentType } from './batch.ts';
import { KEEP_ALIVE_TIMEOUT_MS } from './limits.ts';
import { SEATS } from './operations.ts';

/** Reason phrases, RFC 9110 §15; those that we answer with. node:http has the whole list, and a worker does without it. */
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
};

export const TYPE_LINES: Readonly<Record<ContentType, string>> = {
  [CONTENT_TYPE.none]: '',
  [CONTENT_TYPE.json]: 'Content-Type: application/json\r\n',
  [CONTENT_TYPE.problem]: 'Content-Type: application/problem+json\r\n',
  [CONTENT_TYPE.octets]: 'Content-Type: application/octet-stream\r\n',
};
// Source: API.md, Conventions: public replies may be kept for a second, replies with a key never.
const PUBLIC = 'Cache-Control: public, max-age=1\r\n';
export const NO_STORE = 'Cache-Control: no-store\r\n';
const NOT_OF_A_VALUE = /[^\t\x20-\x7e]/;

const statusLines: string[] = [];
let dateSecond = 0;
let dateText = '';

export function statusLine(status: number): string {
  // A phrase may be missing, the space before it not (RFC 9112 §4).
  return (statusLines[status] ??= `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n`);
}

/** The Date header of this second. */
export function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}

/** Clients leave a connection alone that is about to be closed: Node's own read this hint. */
export function keepAliveLines(timeoutMs: number): string {
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(timeoutMs / 1000)}\r\n`;
}

const KEEP_ALIVE = keepAliveLines(KEEP_ALIVE_TIMEOUT_MS);

/** A header line with its end. A value is ours or was checked: one that could end its line would be a bug. */
export function headerLine(name: string, value: string): string {
  assert(!NOT_OF_A_VALUE.test(value), 'a header value is visible ASCII');
  return `${name}: ${value}\r\n`;
}

/** `Retry-After` knows whole seconds only; rounding up keeps a caller from coming too early. */
export function retryAfterLine(retryAfterMs: number): string {
  return `Retry-After: ${Math.ceil(retryAfterMs / 1000)}\r\n`;
}

/** No body at all, and nothing said of one (RFC 9110 §15.3.5, §15.4.5). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/** Which request a reply is to. */
export const REQUEST_ID = 'X-Request-Id';

/** What a reply says of itself, but for its framing. */
export function replyLines(reply: BatchReply, request: BatchRequest): string {
  const isPublic = reply.isPublic && request.keyId === '';
  let lines = (isPublic ? PUBLIC : NO_STORE) + headerLine(REQUEST_ID, request.requestId);
  if (!isBodiless(reply.status)) lines += TYPE_LINES[reply.contentType];
  if (reply.sequence >= 0) lines += `Frontrow-Sequence: ${reply.sequence}\r\n`;
  if (reply.etag !== '') lines += headerLine('ETag', reply.etag);
  if (reply.location !== '') lines += headerLine('Location', reply.location);
  if (reply.replayed) lines += 'Idempotency-Replayed: true\r\n';
  if (reply.retryAfterMs > 0) lines += retryAfterLine(reply.retryAfterMs);
  const negotiates = request.operation === SEATS.code;
  if (request.variesByKey && isPublic)
    lines += negotiates ? 'Vary: Accept, Authorization\r\n' : 'Vary: Authorization\r\n';
  else if (negotiates) lines += 'Vary: Accept\r\n';
  return lines;
}

/** The lines that a message ends its head with, on a connection that goes on. */
export function framingLines(status: number, bodyBytes: number): string {
  const length = isBodiless(status) ? '' : `Content-Length: ${bodyBytes}\r\n`;
  return `${length}${dateLine()}${KEEP_ALIVE}\r\n`;
}
