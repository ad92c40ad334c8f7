/**
 * Who a caller is, and what it may do. Main thread. Source: API.md, Who may what.
 *
 * Nothing here depends on whether an event, a hold or an order exists, but for one case that makes the two alike: a
 * claim of an event that the key does not cover is answered as one that is not there, both by the same line below.
 */
import { unreachable } from '../core/assert.ts';
import type { Operation } from '../core/operations.ts';
import { coversEvent, mayAct } from '../core/roles.ts';
import type { Role } from '../core/roles.ts';
import type { RequestSink } from '../dispatch/sink.ts';
import type { Refusal } from './checks.ts';
import type { TrustedProxies } from './forwarded.ts';
import type { RequestHead } from './head.ts';
import type { KeyRing } from './key-ring.ts';

export interface Caller {
  /** Came with a key. */
  readonly hasKey: boolean;
  /** Empty without one. */
  readonly keyId: string;
  /** What the key is, wherever. */
  readonly role: Role;
  /** What it covers: see coversEvent(). */
  readonly events: string;
  /** Whom the fair queue serves: `c:key:name`, `k:key` or `p:address`. */
  readonly client: string;
}

const CLIENT_CHARS_MAX = 64;
const VISIBLE = /^[\x21-\x7e]+$/;
/** RFC 6750 §2.1; the scheme's name is in any case. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const TOKEN_CHARS_MAX = 512;

/** For 401 (RFC 6750 §3): an error is named only to those who came with credentials. */
const CHALLENGE = 'Bearer realm="frontrow"';
const CHALLENGE_INVALID = `${CHALLENGE}, error="invalid_token"`;

/** The last caller without a key: those that wait together nearly always come from the same few addresses. */
let lastWithoutKey: Caller = { hasKey: false, keyId: '', role: 'none', events: '', client: '' };

function withoutKey(role: Role, events: string, client: string): Caller {
  if (lastWithoutKey.client !== client || lastWithoutKey.role !== role)
    lastWithoutKey = { hasKey: false, keyId: '', role, events, client };
  return lastWithoutKey;
}

/** @param keys null: there are none, and everybody is admin */
export function identify(
  head: RequestHead,
  keys: KeyRing | null,
  proxies: TrustedProxies | null,
): Caller | Refusal {
  const bad = checkClient(head);
  if (bad !== null) return bad;
  if (keys === null) {
    return withoutKey('admin', '*', clientOfPeer(head, proxies));
  }
  if (head.authorization === null) {
    return withoutKey('none', '', clientOfPeer(head, proxies));
  }
  const token = tokenOf(head.authorization);
  const key = token === null ? null : keys.find(token);
  if (key === null) return unauthorized('The key is not valid', CHALLENGE_INVALID);
  const { id, role, events } = key;
  // Only a shop's server says on whose behalf it acts; from anybody else the header would be a way round fairness.
  const named = role === 'sales' && head.frontrowClient !== null;
  const client = named ? `c:${id}:${head.frontrowClient}` : `k:${id}`;
  return { hasKey: true, keyId: id, role, events, client };
}

export function isRefusal(known: Caller | Refusal): known is Refusal {
  return 'code' in known;
}

/** Whether the caller is enough, whatever there is; null if so. */
export function checkRole(caller: Caller, needed: Role): Refusal | null {
  if (mayAct(caller.role, needed)) return null;
  if (!caller.hasKey) return unauthorized('This call needs a key: Authorization: Bearer …', CHALLENGE);
  return forbidden(`This call needs the role ${needed}; the key has ${caller.role}`);
}

/** Whether the caller's key covers what the call is about. After checkRole(). */
export function checkCovers(
  caller: Caller,
  operation: Operation,
  subject: string,
  sink: RequestSink,
): Refusal | null {
  if (caller.events === '*') return null;
  switch (operation.subject) {
    case 'none':
      return null;
    case 'event':
      // Public calls are open to all: see roleFor().
      if (operation.role === 'none' || coversEvent(caller.events, subject)) return null;
      return forbidden('The key does not cover that event');
    case 'hold':
    case 'order':
      // Of no event, of one that is not covered: it is all the same from here.
      if (coversEvent(caller.events, sink.eventIdOf(operation, subject))) return null;
      return { code: `${operation.subject}-not-found`, extras: {}, close: false };
    default:
      return unreachable(operation.subject);
  }
}

/** What the caller is for this call: nobody in particular where its key does not cover the event. */
export function roleFor(caller: Caller, operation: Operation, subject: string): Role {
  if (operation.subject !== 'event' || caller.events === '*') return caller.role;
  return coversEvent(caller.events, subject) ? caller.role : 'none';
}

function clientOfPeer(head: RequestHead, proxies: TrustedProxies | null): string {
  return proxies === null ? head.peer.client : proxies.clientOf(head);
}

function tokenOf(authorization: string): string | null {
  if (authorization.length > TOKEN_CHARS_MAX) return null;
  return BEARER.exec(authorization)?.[1] ?? null;
}

function checkClient(head: RequestHead): Refusal | null {
  const name = head.frontrowClient;
  if (name === null) return null;
  if (name.length <= CLIENT_CHARS_MAX && VISIBLE.test(name)) return null;
  return badClient(`Frontrow-Client must be 1 to ${CLIENT_CHARS_MAX} visible ASCII characters`);
}

function badClient(detail: string): Refusal {
  const errors = [{ pointer: '', code: 'bad-client', detail }];
  return { code: 'invalid-request', extras: { detail, errors }, close: false };
}

function unauthorized(detail: string, authenticate: string): Refusal {
  return { code: 'unauthorized', extras: { detail }, close: false, authenticate };
}

function forbidden(detail: string): Refusal {
  return { code: 'forbidden', extras: { detail }, close: false };
}
