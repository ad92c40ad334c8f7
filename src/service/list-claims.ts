/**
 * `GET …/{event}/holds` and `…/orders`: claims of an event, by customer, reference and state.
 *
 * In the order in which they lie in memory, which is about that of their making. A page goes through a bounded part of
 * the table: it may be short or empty and have a `next` all the same. `?after=` is the cell to go on at.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { CUSTOMER_BYTES_MAX, ENDED_HOLD_READABLE_MS, REFERENCE_BYTES_MAX } from '../core/limits.ts';
import { LIST_HOLDS } from '../core/operations.ts';
import { decodeClaim } from '../engine/read.ts';
import { needleOf, scanClaims, stateBit, type ClaimFilter } from '../engine/scan.ts';
import { CLAIM_STATE } from '../memory/layout.ts';
import type { CachedEvent } from './cache.ts';
import { pageLimit, queryBytes, queryStates } from './list-query.ts';
import { parseQuery, queryNumber, type Parsed } from './parse.ts';
import { parseProblem } from './prepared.ts';
import type { ReadDeps } from './read-result.ts';
import { claimSuffixOf, holdText, orderText } from './render.ts';
import { textReply } from './replies.ts';

/** What a claim is called as a hold; a cancelled order was a hold that was confirmed. */
const HOLD_STATES = {
  held: stateBit(CLAIM_STATE.held),
  confirmed: stateBit(CLAIM_STATE.confirmed) | stateBit(CLAIM_STATE.cancelled),
  released: stateBit(CLAIM_STATE.released),
  expired: stateBit(CLAIM_STATE.expired),
} as const;
/** And as an order. */
const ORDER_STATES = {
  confirmed: stateBit(CLAIM_STATE.confirmed),
  cancelled: stateBit(CLAIM_STATE.cancelled),
} as const;

interface ClaimsQuery {
  readonly filter: ClaimFilter;
  readonly limit: number;
  readonly from: number;
}

export function listClaims(deps: ReadDeps, event: CachedEvent, request: BatchRequest): BatchReply {
  const isHolds = request.operation === LIST_HOLDS.code;
  const { context } = deps;
  const query = readQuery(request.query, isHolds ? HOLD_STATES : ORDER_STATES, context.nowMs, event);
  if (!query.ok) return parseProblem(request, query);
  const { filter, limit, from } = query.value;
  const page = scanClaims(context, event.view, filter, from, limit);
  const data = page.claims.map((copy) => {
    const claim = decodeClaim(copy);
    const suffix = claimSuffixOf(event, claim);
    return isHolds ? holdText(event, claim, suffix, context.nowMs) : orderText(event, claim, suffix);
  });
  const next = page.next < 0 ? 'null' : `"${page.next}"`;
  return textReply(200, `{"data":[${data.join()}],"next":${next}}`);
}

function readQuery(
  text: string,
  known: Readonly<Record<string, number>>,
  nowMs: number,
  event: CachedEvent,
): Parsed<ClaimsQuery> {
  const query = parseQuery(text, ['customer', 'reference', 'state', 'limit', 'after']);
  if (!query.ok) return query;
  const limit = pageLimit(query.value);
  if (!limit.ok) return limit;
  const from = queryNumber(query.value, 'after', 0, 0, event.view.cellCount);
  if (!from.ok) return from;
  const names = queryStates(query.value, Object.keys(known));
  if (!names.ok) return names;
  const customer = queryBytes(query.value, 'customer', CUSTOMER_BYTES_MAX);
  if (!customer.ok) return customer;
  const reference = queryBytes(query.value, 'reference', REFERENCE_BYTES_MAX);
  if (!reference.ok) return reference;
  let states = 0;
  for (const name of names.value ?? Object.keys(known)) states |= known[name];
  const filter = {
    states,
    customer: customer.value === null ? null : needleOf(customer.value),
    reference: reference.value === null ? null : needleOf(reference.value),
    endedAfterMs: nowMs - ENDED_HOLD_READABLE_MS,
  };
  return { ok: true, value: { filter, limit: limit.value, from: from.value } };
}
