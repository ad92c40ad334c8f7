/**
 * What became of a claim's command, as a reply. After the mutex, from copies.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import {
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  RELEASE_HOLD,
} from '../core/operations.ts';
import type { BatchContext, Outcome } from '../engine/command.ts';
import { decodeClaim, type Claim, type ClaimCopy } from '../engine/read.ts';
import type { CachedEvent } from './cache.ts';
import { isParseFailure, type ParseFailure } from './parse.ts';
import { parseProblem } from './prepared.ts';
import { refusalReply } from './refusals.ts';
import { claimSuffixOf, holdText, orderText } from './render.ts';
import { commandReply, emptyReply, problemReply } from './replies.ts';

/** What a command left, copied under the mutex. */
export interface Ran {
  readonly outcome: Outcome | ParseFailure;
  readonly claim: ClaimCopy | null;
  /** How many places the command took if it was accepted. */
  readonly places: number;
  /** Sequence of the event after the command. */
  readonly sequence: number;
}

export function renderClaim(
  context: BatchContext,
  event: CachedEvent,
  request: BatchRequest,
  ran: Ran,
): BatchReply {
  const { outcome } = ran;
  if (!outcome.ok) {
    if (isParseFailure(outcome)) return parseProblem(request, outcome);
    return refusalReply(event, request, outcome, ran.sequence);
  }
  const isFirst = outcome.changed && !outcome.replayed;
  const cost = isFirst ? ran.places : 0;
  if (request.operation === RELEASE_HOLD.code) {
    return emptyReply(204, { sequence: ran.sequence, replayed: outcome.replayed, cost });
  }
  if (ran.claim === null) return problemReply('not-found', request.requestId);
  return claimReply(context, event, request, decodeClaim(ran.claim), isFirst, outcome.replayed, cost);
}

/** A claim as the reply of the call that made or changed it. */
export function claimReply(
  context: BatchContext,
  event: CachedEvent,
  request: BatchRequest,
  claim: Claim,
  isFirst: boolean,
  replayed: boolean,
  cost: number,
): BatchReply {
  const { sequence } = claim;
  const suffix = claimSuffixOf(event, claim);
  const status = isFirst ? 201 : 200;
  switch (request.operation) {
    case CREATE_HOLD.code: {
      const json = holdText(event, claim, suffix, context.nowMs);
      return commandReply(status, json, sequence, isFirst ? `/v1/holds/hold_${suffix}` : '', replayed, cost);
    }
    case CREATE_ORDER.code:
    case CONFIRM_HOLD.code: {
      const json = orderText(event, claim, suffix);
      return commandReply(
        status,
        json,
        sequence,
        isFirst ? `/v1/orders/order_${suffix}` : '',
        replayed,
        cost,
      );
    }
    case CHANGE_HOLD.code:
    case EXTEND_HOLD.code: {
      const json = holdText(event, claim, suffix, context.nowMs);
      return commandReply(200, json, sequence, '', replayed, cost);
    }
    case RELEASE_HOLD.code:
      return emptyReply(204, { sequence, replayed, cost });
    default:
      return commandReply(200, orderText(event, claim, suffix), sequence, '', replayed, cost);
  }
}
