/**
 * What a head must satisfy before a request is let in. Each check is pure and answers null, or why not. The order in
 * which they run is in service.ts.
 */
import { IDEMPOTENCY_KEY_BYTES_MAX, REQUEST_ID_BYTES_MAX } from '../core/limits.ts';
import type { Operation } from '../core/operations.ts';
import type { FieldError, ProblemCode, ProblemExtras } from '../core/problems.ts';
import { hasBody } from './head.ts';
import type { RequestHead } from './head.ts';
import type { Match } from './router.ts';

export interface Refusal {
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;
  /** The framing is in doubt, or the caller is in the wrong place: the connection ends with the reply. */
  readonly close: boolean;
  /** WWW-Authenticate, for `unauthorized`. */
  readonly authenticate?: string;
}

const LOOPBACK = /^(?:localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}|\[::1\])(?::\d{0,5})?$/i;
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?;?$/i;
const VISIBLE = /^[\x21-\x7e]+$/;

function refusal(code: ProblemCode, detail: string, close = false): Refusal {
  return { code, extras: { detail }, close };
}

function invalid(pointer: string, code: string, detail: string): Refusal {
  const error: FieldError = { pointer, code, detail };
  return { code: 'invalid-request', extras: { detail, errors: [error] }, close: false };
}

/** The last Host that passed: on one server it is nearly always the same. */
let lastHost = '';

/**
 * Without keys every caller is admin, so only names of this machine are believed: a page from elsewhere that rebinds
 * its DNS name to 127.0.0.1 still sends its own name. HTTP/1.0 may leave Host out, browsers never do. With keys a page
 * has to have one, and then any name will do.
 */
export function checkHost(head: RequestHead, hasKeys: boolean): Refusal | null {
  const host = head.host;
  if (head.repeated === 'Host') return refusal('bad-host', 'There is more than one Host header', true);
  if (host === null) {
    return head.versionMinor === 0 ? null : refusal('bad-host', 'HTTP/1.1 requires a Host header', true);
  }
  if (hasKeys || host === lastHost) return null;
  if (!LOOPBACK.test(host)) {
    return refusal('bad-host', 'Without keys only localhost, 127.0.0.0/8 and [::1] are accepted as Host');
  }
  lastHost = host;
  return null;
}

/** A coding that we do not undo leaves the body's bytes meaningless; HTTP/1.0 knows none (RFC 9112 §6.1). */
export function checkFraming(head: RequestHead): Refusal | null {
  if (head.versionMinor < 0) return refusal('bad-target', 'Only HTTP/1.1 and HTTP/1.0 are spoken here', true);
  const coding = head.transferEncoding;
  if (coding === null) return null;
  if (head.versionMinor === 0) return refusal('bad-target', 'HTTP/1.0 has no Transfer-Encoding', true);
  if (coding === 'chunked' || coding.toLowerCase() === 'chunked') return null;
  return refusal('bad-target', 'The only Transfer-Encoding taken is chunked', true);
}

/** What the head says of the body. Whether a chunked one is empty shows later: see checkBody. */
export function checkContent(head: RequestHead, takesBody: boolean): Refusal | null {
  if (!hasBody(head)) return null;
  if (!takesBody) return head.contentLength > 0 ? unwantedBody() : null;
  if (head.repeated === 'Content-Type') {
    return refusal('unsupported-media-type', 'There is more than one Content-Type header');
  }
  if (head.contentEncoding !== null && head.contentEncoding.toLowerCase() !== 'identity') {
    return refusal('unsupported-media-type', 'Content-Encoding is not supported; send the JSON as it is');
  }
  if (head.contentType === 'application/json') return null;
  if (head.contentType !== null && JSON_TYPE.test(head.contentType)) return null;
  return refusal('unsupported-media-type', 'Content-Type must be application/json, in UTF-8');
}

export function checkBody(bodies: Operation['body'], body: Uint8Array | null): Refusal | null {
  if (body === null) {
    return bodies === 'required' ? refusal('malformed-json', 'This call needs a JSON body') : null;
  }
  return bodies === 'none' ? unwantedBody() : null;
}

function unwantedBody(): Refusal {
  return invalid('', 'unexpected-body', 'This call takes no body');
}

export function checkQuery(match: Match): Refusal | null {
  if (match.query === '' || match.route.takesQuery) return null;
  const [name = ''] = match.query.split(/[=&]/, 1);
  return invalid(`?${name}`, 'unexpected-query', 'This call takes no query');
}

export function checkKey(head: RequestHead, operation: Operation): Refusal | null {
  const key = head.idempotencyKey;
  if (key === null) {
    if (!operation.keyRequired) return null;
    return refusal(
      'idempotency-key-required',
      'Orders need an Idempotency-Key header, so that a retry buys once',
    );
  }
  if (head.repeated === 'Idempotency-Key') {
    return invalid('', 'repeated-idempotency-key', 'There is more than one Idempotency-Key header');
  }
  if (key.length <= IDEMPOTENCY_KEY_BYTES_MAX && VISIBLE.test(key)) return null;
  const detail = `Idempotency-Key must be 1 to ${IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters`;
  return invalid('', 'bad-idempotency-key', detail);
}

/** The caller's own id if it is fit for a log line, or null. */
export function usableRequestId(sent: string | null): string | null {
  if (sent === null || sent.length > REQUEST_ID_BYTES_MAX || !VISIBLE.test(sent)) return null;
  return sent;
}
