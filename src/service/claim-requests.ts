/**
 * Commands of claims, in three steps so that the mutex is held only for the middle one:
 * prepare (parse and validate) → run (under the mutex) → render (serialise, see claim-replies.ts).
 */
import type { BatchRequest } from '../core/batch.ts';
import { parseClaimId, type ClaimRef } from '../core/ids.ts';
import {
  CANCEL_ORDER,
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  RELEASE_HOLD,
} from '../core/operations.ts';
import type { ProblemCode } from '../core/problems.ts';
import { cancel } from '../engine/cancel.ts';
import { change } from '../engine/change.ts';
import { checkKey, findClaim, replayKey, type BatchContext, type Outcome } from '../engine/command.ts';
import { take } from '../engine/hold.ts';
import { readClaim } from '../engine/read.ts';
import { confirm, extend, release } from '../engine/settle.ts';
import { claimTickets } from '../memory/claims.ts';
import { cellBase } from '../memory/event.ts';
import { loadSequence } from '../memory/guard.ts';
import { CLAIM } from '../memory/layout.ts';
import type { CachedEvent } from './cache.ts';
import {
  parseCancelBody,
  parseChangeBody,
  parseConfirmBody,
  parseExtendBody,
  parseHoldBody,
  parseOrderBody,
  readChangeBody,
  readClaimBody,
  readConfirmNote,
  readReason,
  readTickets,
  type ClaimInput,
} from './claim-body.ts';
import { renderClaim } from './claim-replies.ts';
import { keyHash } from './key-hash.ts';
import { invalid, type ParseFailure, type Parsed } from './parse.ts';
import { answered, type Prepared } from './prepared.ts';
import { problemReply } from './replies.ts';
import { takeRandom } from './random.ts';

type Command = (context: BatchContext) => Outcome | ParseFailure;

/** A command to run. `places`: how many places it takes if it is accepted. */
function command(event: CachedEvent, request: BatchRequest, places: number, run: Command): Prepared {
  return {
    kind: 'command',
    run: (context) => {
      const outcome = run(context);
      const claim = outcome.ok ? readClaim(event.view, outcome.cell) : null;
      const ran = { outcome, claim, places, sequence: loadSequence(event.view.arena, event.slot) };
      return () => renderClaim(context, event, request, ran);
    },
  };
}

/**
 * A request that is not valid. It may have been when it was first sent, and have been done: definitions change. So its
 * key is looked up all the same.
 */
function refused(
  event: CachedEvent,
  request: BatchRequest,
  failure: ParseFailure,
  gone: ProblemCode,
): Prepared {
  const key = keyHash(request);
  return command(event, request, 0, (context) => {
    const check = checkKey(context, event.view, key);
    if (check.kind === 'known') return replayKey(event.view, check.cell, check.check, gone);
    const isOther = check.kind === 'refused' && check.refusal.code === 'idempotency-mismatch';
    return isOther ? check.refusal : failure;
  });
}

/** Null for an operation that is not about a claim. */
export function prepareClaim(event: CachedEvent, request: BatchRequest): Prepared | null {
  switch (request.operation) {
    case CREATE_HOLD.code:
      return prepareHold(event, request);
    case CREATE_ORDER.code:
      return prepareOrder(event, request);
    case CONFIRM_HOLD.code:
      return aboutHold(event, request, prepareConfirm);
    case RELEASE_HOLD.code:
      return aboutHold(event, request, prepareRelease);
    case CHANGE_HOLD.code:
      return aboutHold(event, request, prepareChange);
    case EXTEND_HOLD.code:
      return aboutHold(event, request, prepareExtend);
    case CANCEL_ORDER.code:
      return prepareCancel(event, request);
    default:
      return null;
  }
}

type HoldPrepare = (event: CachedEvent, request: BatchRequest, ref: ClaimRef) => Prepared | ParseFailure;

function aboutHold(event: CachedEvent, request: BatchRequest, prepare: HoldPrepare): Prepared {
  const ref = parseClaimId('hold', request.subject);
  if (ref === null) return answered(problemReply('hold-not-found', request.requestId));
  const prepared = prepare(event, request, ref);
  return 'ok' in prepared ? refused(event, request, prepared, 'hold-not-found') : prepared;
}

function prepareHold(event: CachedEvent, request: BatchRequest): Prepared {
  const body = parseHoldBody(request.body);
  if (!body.ok) return refused(event, request, body, 'hold-not-found');
  const { limits } = event.map.definition;
  const { seconds = limits.holdSeconds, expectTotal = null } = body.value;
  const input =
    seconds > limits.maxHoldSeconds ? tooLong(event, seconds) : readClaimBody(body.value, event.map);
  if (!input.ok) return refused(event, request, input, 'hold-not-found');
  return prepareTake(event, request, 'hold', input.value, expectTotal, seconds * 1000);
}

function tooLong(event: CachedEvent, seconds: number): ParseFailure {
  const detail = `seconds is ${seconds}, at most ${event.map.definition.limits.maxHoldSeconds} here`;
  return invalid([{ pointer: '/seconds', code: 'out-of-range', detail }]);
}

function prepareOrder(event: CachedEvent, request: BatchRequest): Prepared {
  const body = parseOrderBody(request.body);
  const input = body.ok ? readClaimBody(body.value, event.map) : body;
  if (!body.ok || !input.ok) return refused(event, request, input as ParseFailure, 'order-not-found');
  return prepareTake(event, request, 'order', input.value, body.value.expectTotal ?? null, 0);
}

function prepareTake(
  event: CachedEvent,
  request: BatchRequest,
  kind: 'hold' | 'order',
  { items, places, customer, note }: ClaimInput,
  expectTotal: number | null,
  durationMs: number,
): Prepared {
  const { receivedAtMs } = request;
  const { rules } = event;
  const random = takeRandom();
  const key = keyHash(request);
  const wanted = { kind, items, customer, note, durationMs, receivedAtMs, expectTotal, rules, random, key };
  return command(event, request, places, (context) => take(context, event.view, wanted));
}

function prepareConfirm(event: CachedEvent, request: BatchRequest, ref: ClaimRef): Prepared | ParseFailure {
  const body = parseConfirmBody(request.body);
  if (!body.ok) return body;
  const note = readConfirmNote(body.value);
  if (!note.ok) return note;
  const { receivedAtMs } = request;
  const retake = body.value.ifExpired === 'retake';
  const wanted = { ref, receivedAtMs, note: note.value, retake, rules: event.rules, key: keyHash(request) };
  return command(event, request, 0, (context) => confirm(context, event.view, wanted));
}

function prepareRelease(event: CachedEvent, request: BatchRequest, ref: ClaimRef): Prepared {
  const wanted = { ref, receivedAtMs: request.receivedAtMs, key: keyHash(request) };
  return command(event, request, 0, (context) => release(context, event.view, wanted));
}

function prepareExtend(event: CachedEvent, request: BatchRequest, ref: ClaimRef): Prepared | ParseFailure {
  const body = parseExtendBody(request.body);
  if (!body.ok) return body;
  const { receivedAtMs } = request;
  const durationMs = body.value.seconds * 1000;
  const wanted = { ref, receivedAtMs, durationMs, rules: event.rules, key: keyHash(request) };
  return command(event, request, 0, (context) => extend(context, event.view, wanted));
}

function prepareChange(event: CachedEvent, request: BatchRequest, ref: ClaimRef): Prepared | ParseFailure {
  const body = parseChangeBody(request.body);
  if (!body.ok) return body;
  const input = readChangeBody(body.value, event.map);
  if (!input.ok) return input;
  const { receivedAtMs } = request;
  const { rules } = event;
  const { add, remove, places } = input.value;
  const expectTotal = body.value.expectTotal ?? null;
  const wanted = { ref, receivedAtMs, add, remove, expectTotal, rules, key: keyHash(request) };
  return command(event, request, places, (context) => {
    const outcome = change(context, event.view, wanted);
    return outcome.ok || outcome.fault === undefined ? outcome : changeFault(outcome);
  });
}

/** A change that does not fit its hold: a fault of the body that only the engine can see. */
function changeFault(refusal: Extract<Outcome, { ok: false }>): ParseFailure {
  switch (refusal.fault) {
    case 'not-held': {
      const detail = 'the hold does not have that, or not so many';
      return invalid([{ pointer: `/remove/${refusal.item ?? 0}`, code: 'not-held', detail }]);
    }
    case 'empty': {
      const detail = 'nothing would be left of the hold; release it instead';
      return invalid([{ pointer: '/remove', code: 'empty', detail }]);
    }
    default: {
      const { requested, limit } = refusal;
      const detail = `the hold would have ${requested} places, at most ${limit} at once`;
      return invalid([{ pointer: '/add', code: 'too-many', detail }]);
    }
  }
}

function prepareCancel(event: CachedEvent, request: BatchRequest): Prepared {
  const ref = parseClaimId('order', request.subject);
  if (ref === null) return answered(problemReply('order-not-found', request.requestId));
  const body = parseCancelBody(request.body);
  const reason: Parsed<Uint8Array> = body.ok ? readReason(body.value.reason) : body;
  if (!body.ok || !reason.ok) return refused(event, request, reason as ParseFailure, 'order-not-found');
  const toBlocked = body.value.to === 'blocked';
  const suffix = request.subject.slice('order_'.length);
  const key = keyHash(request);
  return command(event, request, 0, (context) => {
    const count = ticketCount(event, ref);
    if (count < 0) return { ok: false, code: 'order-not-found' };
    const tickets = readTickets(body.value.tickets, suffix, count);
    if (!tickets.ok) return tickets;
    const wanted = { ref, tickets: tickets.value, toBlocked, reason: reason.value, key };
    return cancel(context, event.view, wanted);
  });
}

function ticketCount(event: CachedEvent, ref: ClaimRef): number {
  const cell = findClaim(event.view, ref);
  return cell < 0 ? -1 : claimTickets(event.view.words[cellBase(event.view, cell) + CLAIM.state]);
}
