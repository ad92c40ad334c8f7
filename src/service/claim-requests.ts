/**
 * Commands of an event, in three steps so that the mutex is held only for the middle one:
 * prepare (parse and validate) → run (under the mutex) → render (serialise).
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { parseClaimId, type ClaimRef } from '../core/ids.ts';
import { CANCEL_ORDER, CONFIRM_HOLD, CREATE_HOLD, CREATE_ORDER, RELEASE_HOLD } from '../core/operations.ts';
import type { ProblemExtras } from '../core/problems.ts';
import { cancel } from '../engine/cancel.ts';
import { findClaim, type BatchContext, type Outcome, type Refusal } from '../engine/command.ts';
import { take } from '../engine/hold.ts';
import { decodeClaim, readClaim, type Claim, type ClaimCopy } from '../engine/read.ts';
import { confirm, release } from '../engine/settle.ts';
import { claimTickets } from '../memory/claims.ts';
import { cellBase } from '../memory/event.ts';
import { loadSequence } from '../memory/guard.ts';
import { CLAIM } from '../memory/layout.ts';
import type { CachedEvent } from './cache.ts';
import {
  parseCancelBody,
  parseConfirmBody,
  parseHoldBody,
  parseOrderBody,
  readClaimBody,
  readReference,
  readTickets,
  type ClaimInput,
} from './claim-body.ts';
import { keyHash } from './key-hash.ts';
import { invalid, type ParseFailure } from './parse.ts';
import { claimSuffixOf, holdJson, orderJson } from './render.ts';
import { emptyReply, jsonReply, problemReply } from './replies.ts';
import { takeRandom } from './random.ts';

/** A command ready to run under the mutex, or the reply that makes running it needless. */
export type Prepared =
  | { readonly kind: 'reply'; readonly reply: BatchReply }
  | { readonly kind: 'command'; readonly run: (context: BatchContext) => Outcome | ParseFailure };

/** What a command left, copied under the mutex. */
export interface Ran {
  readonly outcome: Outcome | ParseFailure;
  readonly claim: ClaimCopy | null;
  /** Sequence of the event after the command. */
  readonly sequence: number;
}

function parsedProblem(request: BatchRequest, parsed: ParseFailure): BatchReply {
  return problemReply(parsed.code, request.requestId, { detail: parsed.detail, errors: parsed.errors });
}

function refused(request: BatchRequest, parsed: ParseFailure): Prepared {
  return { kind: 'reply', reply: parsedProblem(request, parsed) };
}

export function prepareCommand(event: CachedEvent, request: BatchRequest): Prepared {
  switch (request.operation) {
    case CREATE_HOLD.code:
      return prepareHold(event, request);
    case CREATE_ORDER.code:
      return prepareOrder(event, request);
    case CONFIRM_HOLD.code:
      return prepareConfirm(event, request);
    case RELEASE_HOLD.code: {
      const ref = parseClaimId('hold', request.subject);
      if (ref === null) return { kind: 'reply', reply: problemReply('hold-not-found', request.requestId) };
      const command = { ref, receivedAtMs: request.receivedAtMs, key: keyHash(request) };
      return { kind: 'command', run: (context) => release(context, event.view, command) };
    }
    case CANCEL_ORDER.code:
      return prepareCancel(event, request);
    default:
      return { kind: 'reply', reply: problemReply('not-found', request.requestId) };
  }
}

function prepareHold(event: CachedEvent, request: BatchRequest): Prepared {
  const body = parseHoldBody(request.body);
  if (!body.ok) return refused(request, body);
  const { limits } = event.map.definition;
  const seconds = body.value.seconds ?? limits.holdSeconds;
  if (seconds > limits.maxHoldSeconds) {
    const detail = `seconds is ${seconds}, at most ${limits.maxHoldSeconds} here`;
    return refused(request, invalid([{ pointer: '/seconds', code: 'out-of-range', detail }]));
  }
  const input = readClaimBody(body.value, event.map);
  if (!input.ok) return refused(request, input);
  return prepareTake(event, request, 'hold', input.value, seconds * 1000);
}

function prepareOrder(event: CachedEvent, request: BatchRequest): Prepared {
  const body = parseOrderBody(request.body);
  if (!body.ok) return refused(request, body);
  const input = readClaimBody(body.value, event.map);
  if (!input.ok) return refused(request, input);
  return prepareTake(event, request, 'order', input.value, 0);
}

function prepareTake(
  event: CachedEvent,
  request: BatchRequest,
  kind: 'hold' | 'order',
  input: ClaimInput,
  durationMs: number,
): Prepared {
  const command = { kind, ...input, durationMs, random: takeRandom(), key: keyHash(request) };
  return { kind: 'command', run: (context) => take(context, event.view, command) };
}

function prepareConfirm(event: CachedEvent, request: BatchRequest): Prepared {
  const ref = parseClaimId('hold', request.subject);
  if (ref === null) return { kind: 'reply', reply: problemReply('hold-not-found', request.requestId) };
  const body = parseConfirmBody(request.body);
  if (!body.ok) return refused(request, body);
  const reference = readReference(body.value.reference);
  if (!reference.ok) return refused(request, reference);
  const command = {
    ref,
    receivedAtMs: request.receivedAtMs,
    reference: reference.value,
    key: keyHash(request),
  };
  return { kind: 'command', run: (context) => confirm(context, event.view, command) };
}

function prepareCancel(event: CachedEvent, request: BatchRequest): Prepared {
  const ref = parseClaimId('order', request.subject);
  if (ref === null) return { kind: 'reply', reply: problemReply('order-not-found', request.requestId) };
  const body = parseCancelBody(request.body);
  if (!body.ok) return refused(request, body);
  const suffix = request.subject.slice('order_'.length);
  const key = keyHash(request);
  const run = (context: BatchContext): Outcome | ParseFailure => {
    const count = ticketCount(event, ref);
    if (count < 0) return { ok: false, code: 'order-not-found' };
    const tickets = readTickets(body.value.tickets, suffix, count);
    if (!tickets.ok) return tickets;
    return cancel(context, event.view, { ref, tickets: tickets.value, key });
  };
  return { kind: 'command', run };
}

function ticketCount(event: CachedEvent, ref: ClaimRef): number {
  const cell = findClaim(event.view, ref);
  return cell < 0 ? -1 : claimTickets(event.view.words[cellBase(event.view, cell) + CLAIM.state]);
}

/** Runs a prepared command and copies what it left. Under the mutex. */
export function runCommand(
  context: BatchContext,
  event: CachedEvent,
  run: (context: BatchContext) => Outcome | ParseFailure,
): Ran {
  const outcome = run(context);
  const claim = outcome.ok ? readClaim(event.view, outcome.cell) : null;
  return { outcome, claim, sequence: loadSequence(event.view.arena, event.slot) };
}

/** The reply to a command that ran. After the mutex. */
export function renderCommand(
  context: BatchContext,
  event: CachedEvent,
  request: BatchRequest,
  ran: Ran,
): BatchReply {
  const { outcome } = ran;
  if (!outcome.ok) {
    if ('errors' in outcome) return parsedProblem(request, outcome);
    return problemReply(outcome.code, request.requestId, refusalExtras(event, outcome, ran.sequence));
  }
  const isFirst = outcome.changed && !outcome.replayed;
  if (request.operation === RELEASE_HOLD.code) {
    return emptyReply(204, { sequence: ran.sequence, replayed: outcome.replayed });
  }
  if (ran.claim === null) return problemReply('not-found', request.requestId);
  const claim = decodeClaim(ran.claim);
  return claimReply(context, event, request, claim, isFirst, outcome.replayed);
}

/** A claim as the reply of the call that made or changed it. */
export function claimReply(
  context: BatchContext,
  event: CachedEvent,
  request: BatchRequest,
  claim: Claim,
  isFirst: boolean,
  replayed: boolean,
): BatchReply {
  const options = { sequence: claim.sequence, replayed };
  const suffix = claimSuffixOf(event, claim);
  switch (request.operation) {
    case CREATE_HOLD.code: {
      const json = holdJson(event, claim, context.nowMs);
      return isFirst
        ? jsonReply(201, json, { ...options, location: `/v1/holds/hold_${suffix}` })
        : jsonReply(200, json, options);
    }
    case CREATE_ORDER.code:
    case CONFIRM_HOLD.code: {
      const json = orderJson(event, claim);
      return isFirst
        ? jsonReply(201, json, { ...options, location: `/v1/orders/order_${suffix}` })
        : jsonReply(200, json, options);
    }
    case RELEASE_HOLD.code:
      return emptyReply(204, options);
    default:
      return jsonReply(200, orderJson(event, claim), options);
  }
}

function refusalExtras(event: CachedEvent, refusal: Refusal, sequence: number): ProblemExtras {
  const { map } = event;
  const section = refusal.section === undefined ? '' : map.definition.sections[refusal.section].id;
  const seats = refusal.seats?.map((seat) => map.label(seat));
  return {
    detail: refusalDetail(refusal, section, seats),
    requested: refusal.requested,
    available: refusal.available,
    held: refusal.held,
    seats,
    sequence,
  };
}

function refusalDetail(
  refusal: Refusal,
  section: string,
  seats: readonly string[] | undefined,
): string | undefined {
  switch (refusal.code) {
    case 'sold-out':
      return refusal.held === 0
        ? `Section ${section} is sold out`
        : `Section ${section} has nothing available; ${refusal.held} places are held and may come back`;
    case 'not-enough-available':
      return `Section ${section} has ${refusal.available} places available, ${refusal.requested} were asked for`;
    case 'no-adjacent-seats':
      return `Section ${section} has no ${refusal.requested} seats side by side`;
    case 'seat-unavailable':
      return `Not available: ${(seats ?? []).join(', ')}`;
    default:
      return undefined;
  }
}
