/**
 * Live updates as text: where a subscriber wants to begin, what a worker read, and the server-sent events made of it
 * (WHATWG HTML §9.2). Pure. What the worker's JSON says of seats is passed on as bytes, not parsed.
 */
import { assert } from '../core/assert.ts';
import type { FieldError } from '../core/problems.ts';
import type { ReplyMessage } from '../core/reply-codec.ts';
import type { SinkReply } from '../dispatch/sink.ts';

/** Bytes for everybody who knows everything up to `from`; afterwards they know everything up to `to`. */
export interface LiveMessage {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

/** What a worker answered to READ_CHANGES. */
export interface Reading {
  readonly sequence: number;
  /** The event's. */
  readonly state: string;
  /** There was too much to tell, or the sequence asked for is not of this journal. */
  readonly isReset: boolean;
  readonly bytes: Uint8Array;
}

/** `after` null: from now on. `isForeign`: the subscriber comes from another incarnation, and knows nothing of ours. */
export type Start =
  | { readonly kind: 'start'; readonly after: number | null; readonly isForeign: boolean }
  | { readonly kind: 'refused'; readonly error: FieldError };

export const HEARTBEAT = Buffer.from(':\n\n');

const RETRY_MIN_MS = 2000;
const RETRY_SPREAD_MS = 3000;
const DIGITS = /^\d{1,16}$/;
const EVENT_ID = /^([0-9A-Za-z]{8})-(\d{1,16})$/;
/** How every reply to READ_CHANGES begins. Names of events need no escapes. */
const READING = /^\{"event":"([^"\\]*)","sequence":(\d+),"state":"([a-z]+)",/;
const READING_HEAD_BYTES = 256;
const RESET = '"reset":true}';

/** There is no such event, or no more: it is archived. */
export function isGoneEvent(reply: SinkReply): boolean {
  return reply.kind === 'problem' ? reply.code === 'event-not-found' : reply.status === 404;
}

/** `Last-Event-ID` wins: a browser that comes back repeats the query of its first request. */
export function parseStart(query: string, lastEventId: string | null, incarnation: string): Start {
  let after: number | null = null;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'after') return refused(`?${name}`, 'unexpected-query', `There is no query ${name} here`);
    if (after !== null || !DIGITS.test(value) || Number(value) > Number.MAX_SAFE_INTEGER)
      return refused('?after', 'bad-number', 'after must be one sequence, a whole number from 0');
    after = Number(value);
  }
  if (lastEventId === null || lastEventId === '') return { kind: 'start', after, isForeign: false };
  const [, life = '', sequence = ''] = EVENT_ID.exec(lastEventId) ?? [];
  const isForeign = life !== incarnation || Number(sequence) > Number.MAX_SAFE_INTEGER;
  return { kind: 'start', after: isForeign ? null : Number(sequence), isForeign };
}

function refused(pointer: string, code: string, detail: string): Start {
  return { kind: 'refused', error: { pointer, code, detail } };
}

export function readingOf({ body }: ReplyMessage, incarnation: string): Reading {
  assert(body !== null, 'a reading has a body');
  const match = READING.exec(body.toString('latin1', 0, READING_HEAD_BYTES));
  assert(match !== null, 'a worker tells event, sequence and state before all else');
  const [head, event, digits, state] = match;
  const sequence = Number(digits);
  const isReset = body.toString('latin1', head.length, head.length + RESET.length) === RESET;
  if (isReset) return { sequence, state, isReset, bytes: resetMessage(event, sequence, incarnation) };
  const begin = `id: ${incarnation}-${sequence}\nevent: change\ndata: {"event":"${event}","sequence":${sequence},`;
  const bytes = Buffer.concat([Buffer.from(begin), body.subarray(head.length), Buffer.from('\n\n')]);
  return { sequence, state, isReset, bytes };
}

export function resetMessage(event: string, sequence: number, incarnation: string): Uint8Array {
  return Buffer.from(`id: ${incarnation}-${sequence}\nevent: reset\ndata: {"event":"${event}"}\n\n`);
}

export function endMessage(event: string): Uint8Array {
  return Buffer.from(`event: end\ndata: {"event":"${event}"}\n\n`);
}

/**
 * The first bytes of a stream. The time to come back after is spread, so that a restart does not bring everybody back
 * at once; the id alone lets one who has been told nothing yet come back to where it was.
 */
export function preface(sequence: number, incarnation: string, random: () => number): Uint8Array {
  const retryMs = RETRY_MIN_MS + Math.floor(random() * RETRY_SPREAD_MS);
  return Buffer.from(`retry: ${retryMs}\nid: ${incarnation}-${sequence}\n\n`);
}
