/**
 * `POST …/block` and `…/unblock`: take places off sale and put them back.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { PLACES_PER_BLOCK_MAX } from '../core/limits.ts';
import { BLOCK } from '../core/operations.ts';
import type { FieldError } from '../core/problems.ts';
import { block, type BlockCommand } from '../engine/block.ts';
import { checkKey, type Refusal } from '../engine/command.ts';
import type { SeatMap } from '../engine/definition.ts';
import { sectionBase } from '../memory/event.ts';
import { loadSequence } from '../memory/guard.ts';
import { SECTION } from '../memory/layout.ts';
import type { CachedEvent } from './cache.ts';
import { readReason } from './claim-body.ts';
import { keyHash } from './key-hash.ts';
import { bodyParser, invalid, type ParseFailure, type Parsed } from './parse.ts';
import { parseProblem, type Prepared, type Render } from './prepared.ts';
import { readCurrent, type ReadDeps } from './read-result.ts';
import { refusalReply } from './refusals.ts';
import { jsonReply } from './replies.ts';
import { BlockBody, type BlockItem } from './schemas.ts';

const parse = bodyParser<BlockBody>(BlockBody, false);

type BlockInput = Pick<BlockCommand, 'seats' | 'places' | 'reason'>;

export function prepareBlock(event: CachedEvent, request: BatchRequest): Prepared {
  const input = readBlock(request.body, event.map);
  return input.ok ? prepareValid(event, request, input.value) : prepareInvalid(event, request, input);
}

function prepareValid(event: CachedEvent, request: BatchRequest, input: BlockInput): Prepared {
  const kind = request.operation === BLOCK.code ? 'block' : 'unblock';
  const wanted = { kind, ...input, key: keyHash(request) } as const;
  return {
    kind: 'command',
    run: (context) => {
      const outcome = block(context, event.view, wanted);
      return outcome.ok ? accepted(event, input, outcome) : refused(event, request, outcome);
    },
  };
}

/** What is not valid may have been, and have been done under its key, before the event was changed. */
function prepareInvalid(event: CachedEvent, request: BatchRequest, failure: ParseFailure): Prepared {
  const key = keyHash(request);
  return {
    kind: 'command',
    run: (context) => {
      const check = checkKey(context, event.view, key);
      if (check.kind === 'known') {
        const nothing = { seats: [], places: [], reason: new Uint8Array(0) };
        return accepted(event, nothing, { changed: check.cell, replayed: true });
      }
      const isOther = check.kind === 'refused' && check.refusal.code === 'idempotency-mismatch';
      return isOther ? refused(event, request, check.refusal) : () => parseProblem(request, failure);
    },
  };
}

/** The reply to a block that changed nothing and whose worker died; null where its body is not valid any more. */
export function answerUnchangedBlock(
  deps: ReadDeps,
  event: CachedEvent,
  request: BatchRequest,
): BatchReply | null {
  const input = readBlock(request.body, event.map);
  if (!input.ok) return null;
  const outcome = { changed: 0, replayed: false };
  const read = readCurrent(deps, event, (current) => accepted(current, input.value, outcome));
  return read === null ? null : read.value();
}

/** The reply says how the sections stand that were named. Under the mutex, or in a guard window. */
function accepted(
  event: CachedEvent,
  input: BlockInput,
  { changed, replayed }: { readonly changed: number; readonly replayed: boolean },
): Render {
  const sequence = loadSequence(event.view.arena, event.slot);
  const sections = countsOf(event, input);
  const json = { event: event.map.definition.id, sequence, changed, sections };
  const cost = replayed ? 0 : changed;
  return () => jsonReply(200, json, { sequence, replayed, cost });
}

function refused(event: CachedEvent, request: BatchRequest, refusal: Refusal): Render {
  const sequence = loadSequence(event.view.arena, event.slot);
  const isUnblock = request.operation !== BLOCK.code && refusal.section !== undefined;
  const section = isUnblock ? event.map.definition.sections[refusal.section ?? 0].id : '';
  const { available, requested } = refusal;
  const words = isUnblock
    ? `Section ${section} has ${available} places blocked, ${requested} were asked for`
    : undefined;
  return () => refusalReply(event, request, refusal, sequence, words);
}

function countsOf({ view, map }: CachedEvent, { seats, places }: BlockInput): object[] {
  const touched = new Set<number>();
  for (const seat of seats) touched.add(map.sectionOf(seat));
  for (const { section } of places) touched.add(section);
  const { words } = view;
  return [...touched]
    .sort((a, b) => a - b)
    .map((section) => {
      const base = sectionBase(view, section);
      return {
        id: map.definition.sections[section].id,
        capacity: words[base + SECTION.capacity],
        available: words[base + SECTION.available],
        held: words[base + SECTION.held],
        sold: words[base + SECTION.sold],
        blocked: words[base + SECTION.blocked],
      };
    });
}

function readBlock(bytes: Uint8Array | null, map: SeatMap): Parsed<BlockInput> {
  const body = parse(bytes);
  if (!body.ok) return body;
  const reason = readReason(body.value.reason);
  if (!reason.ok) return reason;
  const errors: FieldError[] = [];
  const seats = new Set<number>();
  const places = new Map<number, number>();
  body.value.items.forEach((item, i) => readItem(item, `/items/${i}`, map, seats, places, errors));
  let count = seats.size;
  for (const quantity of places.values()) count += quantity;
  if (count > PLACES_PER_BLOCK_MAX) {
    const detail = `${count} places, at most ${PLACES_PER_BLOCK_MAX} a call`;
    errors.push({ pointer: '/items', code: 'too-many', detail });
  }
  if (errors.length > 0) return invalid(errors);
  const counted = [...places].map(([section, quantity]) => ({ section, quantity }));
  return { ok: true, value: { seats: [...seats], places: counted, reason: reason.value } };
}

function readItem(
  item: BlockItem,
  pointer: string,
  map: SeatMap,
  seats: Set<number>,
  places: Map<number, number>,
  errors: FieldError[],
): void {
  const fail = (at: string, code: string, detail: string): void => {
    errors.push({ pointer: pointer + at, code, detail });
  };
  if ((item.seat === undefined) === (item.section === undefined)) {
    return fail('', 'bad-value', 'an item names a seat, or a general section and a quantity');
  }
  if (item.seat !== undefined) {
    if (item.quantity !== undefined) return fail('/quantity', 'bad-value', 'a seat has no quantity');
    const seat = map.seat(item.seat);
    if (seat < 0) return fail('/seat', 'unknown-seat', `there is no seat ${item.seat}`);
    if (seats.has(seat)) return fail('/seat', 'duplicate', `seat ${item.seat} is named twice`);
    seats.add(seat);
    return;
  }
  const section = map.section(item.section ?? '');
  if (section < 0) return fail('/section', 'unknown-section', `there is no section ${item.section}`);
  if (map.definition.sections[section].kind === 'seated') {
    return fail('/section', 'bad-value', 'of a seated section, name the seats');
  }
  if (item.quantity === undefined) return fail('/quantity', 'missing', 'a section needs a quantity');
  places.set(section, (places.get(section) ?? 0) + item.quantity);
}
