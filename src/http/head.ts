/**
 * The head of a request, reduced to what the service looks at. Each listener fills it in one pass over the headers
 * it parsed. Main thread.
 *
 * A header that may come once and came twice is remembered in `repeated` with its first value kept: two parties
 * that pick different ones of the two are the stuff of request smuggling, so checks.ts refuses.
 */

import type { Peer } from './peer.ts';

export interface RequestHead {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** 0 or 1: the x of HTTP/1.x; -1 for any other version, which is refused. */
  readonly versionMinor: number;
  readonly peer: Peer;
  /** Headers are null when absent, trimmed otherwise. */
  host: string | null;
  accept: string | null;
  contentType: string | null;
  contentEncoding: string | null;
  /** -1 when absent. The parser has checked the digits. */
  contentLength: number;
  transferEncoding: string | null;
  idempotencyKey: string | null;
  ifNoneMatch: string | null;
  ifMatch: string | null;
  requestId: string | null;
  authorization: string | null;
  /** `Frontrow-Client`: on whose behalf a shop's server acts. */
  frontrowClient: string | null;
  /** Of an EventSource that comes back. */
  lastEventId: string | null;
  /** What proxies say of who is behind them. Believed from trusted ones only: forwarded.ts. */
  xForwardedFor: string | null;
  forwarded: string | null;
  /** There is an Upgrade header; none is ever followed. */
  asksUpgrade: boolean;
  /** Name of the first header that came more than once though it must not; '' for none. */
  repeated: string;
}

export function createHead(method: string, target: string, versionMinor: number, peer: Peer): RequestHead {
  return {
    method,
    target,
    versionMinor,
    peer,
    host: null,
    accept: null,
    contentType: null,
    contentEncoding: null,
    contentLength: -1,
    transferEncoding: null,
    idempotencyKey: null,
    ifNoneMatch: null,
    ifMatch: null,
    requestId: null,
    authorization: null,
    frontrowClient: null,
    lastEventId: null,
    xForwardedFor: null,
    forwarded: null,
    asksUpgrade: false,
    repeated: '',
  };
}

/** Whether a body follows, by its framing (RFC 9112 §6); a chunked one may turn out to be empty. */
export function hasBody(head: RequestHead): boolean {
  return head.contentLength > 0 || head.transferEncoding !== null;
}

/** Takes up one header line; names are in any case. The length sorts out nearly all names we do not look at. */
export function addHeader(head: RequestHead, name: string, value: string): void {
  switch (name.length) {
    case 4:
      if (same(name, 'Host')) head.host = once(head, 'Host', head.host, value);
      return;
    case 6:
      if (same(name, 'Accept')) head.accept = joined(head.accept, value);
      return;
    case 7:
      if (same(name, 'Upgrade')) head.asksUpgrade = true;
      return;
    case 8:
      if (same(name, 'If-Match')) head.ifMatch = joined(head.ifMatch, value);
      return;
    case 9:
      if (same(name, 'Forwarded')) head.forwarded = joined(head.forwarded, value);
      return;
    case 12:
      if (same(name, 'Content-Type')) head.contentType = once(head, 'Content-Type', head.contentType, value);
      // A repeated id is no danger; the first one is used.
      else if (same(name, 'X-Request-Id')) head.requestId ??= value;
      return;
    case 13:
      if (same(name, 'If-None-Match')) head.ifNoneMatch = joined(head.ifNoneMatch, value);
      // Two of them become one that is no good: nobody is to choose between two callers.
      else if (same(name, 'Authorization')) head.authorization = joined(head.authorization, value);
      else if (same(name, 'Last-Event-ID')) head.lastEventId ??= value;
      return;
    case 14:
      if (same(name, 'Content-Length')) head.contentLength = Number(value);
      return;
    case 15:
      if (same(name, 'Idempotency-Key')) {
        head.idempotencyKey = once(head, 'Idempotency-Key', head.idempotencyKey, value);
      } else if (same(name, 'Frontrow-Client')) {
        head.frontrowClient = joined(head.frontrowClient, value);
      } else if (same(name, 'X-Forwarded-For')) head.xForwardedFor = joined(head.xForwardedFor, value);
      return;
    case 16:
      if (same(name, 'Content-Encoding')) head.contentEncoding = joined(head.contentEncoding, value);
      return;
    case 17:
      if (same(name, 'Transfer-Encoding')) head.transferEncoding = joined(head.transferEncoding, value);
      return;
    default:
  }
}

/** Clients nearly always write one of two spellings; only others pay for a lower-case copy. */
function same(name: string, wanted: string): boolean {
  return name === wanted || name.toLowerCase() === wanted.toLowerCase();
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

function once(head: RequestHead, name: string, before: string | null, value: string): string {
  if (before === null) return value;
  if (head.repeated === '') head.repeated = name;
  return before;
}
