/**
 * Replies as status, headers and bytes: from the dispatcher's answers, and from problems of our own. Framing headers
 * are the listener's. Main thread.
 */
import { CONTENT_TYPE } from '../core/batch.ts';
import { dateLine, headerLine, NO_STORE, retryAfterLine, statusLine, TYPE_LINES } from '../core/message.ts';
import { PROBLEMS, problemJson } from '../core/problems.ts';
import type { ProblemCode, ProblemExtras } from '../core/problems.ts';
import type { SinkReply } from '../dispatch/sink.ts';
import type { Reply } from './listener.ts';
import type { PageReply } from './page.ts';

/** @param headers names and values by turns */
export function headerLines(headers: readonly string[]): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) text += headerLine(headers[i], headers[i + 1]);
  return text;
}

export function replyOf(sinkReply: SinkReply, requestId: string): Reply {
  return sinkReply.kind === 'reply' ? sinkReply : problemReply(sinkReply.code, requestId, sinkReply.extras);
}

/** problemJson() writes the type first, and its name is the code. */
const TYPE_PREFIX = '{"type":"urn:frontrow:problem:';
const CODE_BYTES_MAX = 128;

/** The problem code of a worker's refusal, read from its bytes; empty if it is none. */
export function codeOf(sinkReply: SinkReply): string {
  if (sinkReply.kind === 'problem') return sinkReply.code;
  const { contentType, body } = sinkReply;
  if (contentType !== CONTENT_TYPE.problem || body === null) return '';
  const start = body.toString('latin1', 0, CODE_BYTES_MAX);
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
  let headers = NO_STORE + headerLine('X-Request-Id', requestId) + TYPE_LINES[CONTENT_TYPE.problem];
  if (options.allow !== undefined) headers += headerLine('Allow', options.allow);
  if (options.authenticate !== undefined) headers += headerLine('WWW-Authenticate', options.authenticate);
  if (extras.retryAfterMs !== undefined) headers += retryAfterLine(extras.retryAfterMs);
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
    headers: headerLines(page.headers) + headerLine('X-Request-Id', requestId),
    body: page.body,
    close: false,
  };
}

/** For the health calls. */
export function statusReply(status: string, requestId: string): Reply {
  return {
    status: 200,
    headers: NO_STORE + headerLine('X-Request-Id', requestId) + TYPE_LINES[CONTENT_TYPE.json],
    body: Buffer.from(`{"status":"${status}"}`),
    close: false,
  };
}

/** A whole last reply as bytes, for a connection whose parser has given up. */
export function closingBytes(reply: Reply): Uint8Array {
  const body = reply.body ?? new Uint8Array(0);
  const framing = `${dateLine()}Content-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n`;
  const head = statusLine(reply.status) + reply.headers + framing;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}
