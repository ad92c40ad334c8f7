/**
 * The head of a request, reduced to what the service looks at. Each listener fills it in one pass over the headers
 * it parsed. Main thread.
 *
 * A header that may come once and came twice is remembered in `repeated` with its first value kept: two parties
 * that pick different ones of the two are the stuff of request smuggling, so checks.ts refuses.
 */
import { unreachable } from '../core/assert.ts';
import type { HeaderName } from './header-names.ts';
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

/** Takes up one header line. `Expect` is the listener's own concern. */
export function addHeader(head: RequestHead, name: HeaderName, value: string): void {
  switch (name) {
    case 'host':
      head.host = once(head, 'Host', head.host, value);
      return;
    case 'accept':
      head.accept = joined(head.accept, value);
      return;
    case 'expect':
      return;
    case 'upgrade':
      head.asksUpgrade = true;
      return;
    case 'if-match':
      head.ifMatch = joined(head.ifMatch, value);
      return;
    case 'forwarded':
      head.forwarded = joined(head.forwarded, value);
      return;
    case 'content-type':
      head.contentType = once(head, 'Content-Type', head.contentType, value);
      return;
    case 'x-request-id':
      // A repeated id is no danger; the first one is used.
      head.requestId ??= value;
      return;
    case 'if-none-match':
      head.ifNoneMatch = joined(head.ifNoneMatch, value);
      return;
    case 'authorization':
      // Two of them become one that is no good: nobody is to choose between two callers.
      head.authorization = joined(head.authorization, value);
      return;
    case 'last-event-id':
      head.lastEventId ??= value;
      return;
    case 'content-length':
      head.contentLength = Number(value);
      return;
    case 'idempotency-key':
      head.idempotencyKey = once(head, 'Idempotency-Key', head.idempotencyKey, value);
      return;
    case 'frontrow-client':
      head.frontrowClient = joined(head.frontrowClient, value);
      return;
    case 'x-forwarded-for':
      head.xForwardedFor = joined(head.xForwardedFor, value);
      return;
    case 'content-encoding':
      head.contentEncoding = joined(head.contentEncoding, value);
      return;
    case 'transfer-encoding':
      head.transferEncoding = joined(head.transferEncoding, value);
      return;
    default:
      return unreachable(name);
  }
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

function once(head: RequestHead, name: string, before: string | null, value: string): string {
  if (before === null) return value;
  if (head.repeated === '') head.repeated = name;
  return before;
}
