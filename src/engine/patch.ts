/**
 * Changes an event, or archives it: commands of the registry's lane, which main keeps to one batch at a time. They take
 * the mutexes themselves and never two at once: pages for an event that must move are taken under the registry's and
 * used under the event's; those of a worker that died in between are free again with the next rebuildPages().
 */
import { FRAME_KIND, packHeader } from '../core/frame.ts';
import { eventBase } from '../memory/arena.ts';
import { sectionBase, viewEvent, type EventView } from '../memory/event.ts';
import { closeGuard, loadSequence } from '../memory/guard.ts';
import type { KeyHash } from '../memory/keys.ts';
import {
  EVENT,
  EVENT_STATE,
  extentGeometry,
  newTableSizes,
  SECTION,
  type EventShape,
  type TableSizes,
} from '../memory/layout.ts';
import {
  eventState,
  findFreePages,
  freePages,
  rebuildPages,
  REGISTRY_SLOT,
  takePages,
} from '../memory/registry.ts';
import { endReservation, publishFrame, unitPosition } from '../memory/ring.ts';
import { applyArchive, applyPatch, reclaimRetired } from './apply-event.ts';
import {
  changeTime,
  checkKey,
  frameWords,
  openFrame,
  refuse,
  remember,
  writeKeyFact,
  type BatchContext,
  type KeyCheck,
  type OpenFrame,
  type Refusal,
} from './command.ts';
import { shapeOf, type EventDefinition } from './definition.ts';
import { frameBytesMax } from './define.ts';
import { ARCHIVE, PATCH } from './facts.ts';
import { underMutex } from './look.ts';

export interface PatchCommand {
  /** As it will be stored: ranges of seats not written out. */
  readonly definition: EventDefinition;
  readonly json: Uint8Array;
  /** The version that the definition was made from. */
  readonly fromVersion: number;
  readonly key: KeyHash | null;
}

export type PatchOutcome =
  /** retired: the event has left memory that readers may still look at. */
  | { readonly ok: true; readonly changed: boolean; readonly replayed: boolean; readonly retired: boolean }
  | Refusal;

const REPLAYED: PatchOutcome = { ok: true, changed: false, replayed: true, retired: false };
const UNCHANGED: PatchOutcome = { ok: true, changed: false, replayed: false, retired: false };

/** Pages for an event that must move. */
interface Room {
  readonly firstPage: number;
  readonly pageCount: number;
}

/**
 * Gives an event another definition, and more memory where it needs that. Without any mutex held. Refusals:
 * version-mismatch, capacity-in-use, capacity-exhausted, event-not-found, idempotency-mismatch.
 */
export function patchEvent(context: BatchContext, slot: number, command: PatchCommand): PatchOutcome {
  const { arena } = context;
  const tried = underMutex(context, slot, () => tryPatch(context, slot, command, null));
  if (tried.kind === 'done') return tried.outcome;
  const firstPage = underMutex(context, REGISTRY_SLOT, () => {
    const found = findFreePages(arena, tried.pageCount);
    if (found >= 0) takePages(arena, found, tried.pageCount);
    return found;
  });
  if (firstPage < 0) return refuse('capacity-exhausted');
  const room = { firstPage, pageCount: tried.pageCount };
  const moved = underMutex(context, slot, () => tryPatch(context, slot, command, room));
  // Nobody else changes an event's size, so what was enough a moment ago is enough.
  const outcome = moved.kind === 'done' ? moved.outcome : refuse('capacity-exhausted');
  // What is in use by now may forbid it after all.
  const isUsed = outcome.ok && outcome.retired;
  if (!isUsed) underMutex(context, REGISTRY_SLOT, () => freePages(arena, firstPage, room.pageCount));
  return outcome;
}

/**
 * A patch that changes nothing of the event as it is at a version: keeps its key. Without any mutex held. Refusals:
 * version-mismatch, capacity-exhausted, idempotency-mismatch.
 */
export function keepEvent(
  context: BatchContext,
  slot: number,
  fromVersion: number,
  key: KeyHash | null,
): PatchOutcome {
  if (key === null) return UNCHANGED;
  return underMutex(context, slot, () => {
    const { arena } = context;
    if (eventState(arena, slot) === EVENT_STATE.archived) return refuse('version-mismatch');
    const view = viewEvent(arena, slot);
    const check = checkKey(context, view, key);
    if (check.kind === 'refused') return check.refusal;
    if (check.kind === 'known') return REPLAYED;
    if (view.version !== fromVersion) return refuse('version-mismatch');
    remember(context, view, check, slot, 0, 0);
    return UNCHANGED;
  });
}

type Tried =
  | { readonly kind: 'done'; readonly outcome: PatchOutcome }
  /** The event must move into so many pages. */
  | { readonly kind: 'needs-room'; readonly pageCount: number };

function done(outcome: PatchOutcome): Tried {
  return { kind: 'done', outcome };
}

function tryPatch(context: BatchContext, slot: number, command: PatchCommand, room: Room | null): Tried {
  const { arena } = context;
  if (eventState(arena, slot) === EVENT_STATE.archived) return done(refuse('event-not-found'));
  const view = viewEvent(arena, slot);
  const check = checkKey(context, view, command.key, 'settle');
  if (check.kind === 'refused') return done(check.refusal);
  if (check.kind === 'known') return done(REPLAYED);
  if (view.version !== command.fromVersion) return done(refuse('version-mismatch'));
  const refusal = refuseCapacity(view, command.definition);
  if (refusal !== null) return done(refusal);
  const shape = shapeOf(command.definition);
  const sizes = sizesFor(arena.limits, view, shape, command.json.length);
  const stays = sizes === null;
  if (!stays && room === null)
    return { kind: 'needs-room', pageCount: extentGeometry(shape, sizes).pageCount };
  const length = frameWords(PATCH.definition + ((command.json.length + 3) >>> 2), check, null);
  if (length * 4 > frameBytesMax(arena)) return done(refuse('capacity-exhausted'));
  const base = eventBase(arena, slot);
  const pageCount = arena.words[base + EVENT.pageCount];
  const own = { firstPage: view.firstPage, pageCount };
  const place = stays || room === null ? own : room;
  commitPatch(context, view, command, check, length, shape, sizes ?? ownSizes(view), place, own);
  return done({ ok: true, changed: true, replayed: false, retired: place !== own });
}

/** Says no to a capacity below what is taken. */
function refuseCapacity(view: EventView, definition: EventDefinition): Refusal | null {
  for (let section = 0; section < view.sectionCount; section++) {
    const base = sectionBase(view, section);
    const taken =
      view.words[base + SECTION.held] + view.words[base + SECTION.sold] + view.words[base + SECTION.blocked];
    const requested = definition.sections[section].capacity;
    if (requested < taken) return { ok: false, code: 'capacity-in-use', section, requested, held: taken };
  }
  return null;
}

function ownSizes(view: EventView): TableSizes {
  const { cellCount, keyCapacity, customerCapacity, definitionRoom } = view;
  return { cellCount, keyCapacity, customerCapacity, definitionRoom };
}

/** Sizes of a larger extent, or null when the event fits where it is. No table ever gets smaller. */
function sizesFor(
  limits: BatchContext['arena']['limits'],
  view: EventView,
  shape: EventShape,
  definitionBytes: number,
): TableSizes | null {
  const own = ownSizes(view);
  const wanted = newTableSizes(shape.placeCount, definitionBytes, limits);
  const grows =
    shape.sectionCount > view.sectionCount ||
    shape.placeCount > view.words[view.base + EVENT.placeCount] ||
    definitionBytes > own.definitionRoom;
  if (!grows) return null;
  const fits =
    shape.sectionCount === view.sectionCount &&
    definitionBytes <= own.definitionRoom &&
    wanted.cellCount <= own.cellCount &&
    wanted.keyCapacity <= own.keyCapacity &&
    wanted.customerCapacity <= own.customerCapacity;
  if (fits) return null;
  return {
    cellCount: Math.max(own.cellCount, wanted.cellCount),
    keyCapacity: Math.max(own.keyCapacity, wanted.keyCapacity),
    customerCapacity: Math.max(own.customerCapacity, wanted.customerCapacity),
    definitionRoom: Math.max(own.definitionRoom, wanted.definitionRoom),
  };
}

function commitPatch(
  context: BatchContext,
  view: EventView,
  command: PatchCommand,
  check: KeyCheck,
  length: number,
  shape: EventShape,
  sizes: TableSizes,
  place: Room,
  own: Room,
): void {
  const { words } = view;
  const timeMs = changeTime(context, view);
  const frame = openEventFrame(context, view, timeMs, length, check);
  const { at } = frame;
  const moves = place !== own;
  words[at + PATCH.version] = view.version + 1;
  words[at + PATCH.state] = EVENT_STATE[command.definition.state];
  words[at + PATCH.firstPage] = place.firstPage;
  words[at + PATCH.pageCount] = place.pageCount;
  words[at + PATCH.sectionCount] = shape.sectionCount;
  words[at + PATCH.rowCount] = shape.rowCount;
  words[at + PATCH.seatCount] = shape.seatCount;
  words[at + PATCH.placeCount] = shape.placeCount;
  words[at + PATCH.cellCount] = sizes.cellCount;
  words[at + PATCH.keyCapacity] = sizes.keyCapacity;
  words[at + PATCH.customerCapacity] = sizes.customerCapacity;
  words[at + PATCH.definitionRoom] = sizes.definitionRoom;
  words[at + PATCH.definitionBytes] = command.json.length;
  words[at + PATCH.retiredPage] = moves ? own.firstPage : 0;
  words[at + PATCH.retiredCount] = moves ? own.pageCount : 0;
  view.arena.bytes.set(command.json, (at + PATCH.definition) * 4);
  writeKeyFact(view, frame, check, 0, 0, timeMs);
  publishFrame(view.arena, frame.unit, packHeader(FRAME_KIND.patch, length));
  applyPatch(view.arena, words, at);
  endEventFrame(context, view, frame);
}

function openEventFrame(
  context: BatchContext,
  view: EventView,
  timeMs: number,
  length: number,
  check: KeyCheck,
): OpenFrame {
  const sequence = loadSequence(view.arena, view.slot) + 1;
  return openFrame(context, view.slot, view.slot, view.generation, sequence, timeMs, length, check);
}

function endEventFrame(context: BatchContext, view: EventView, frame: OpenFrame): void {
  const end = unitPosition(frame.unit, context.nearPosition) + frame.lengthWords * 4;
  closeGuard(view.arena, view.slot, frame.sequence, end);
  endReservation(view.arena, context.thread);
}

export interface ArchiveCommand {
  /** What is to stay of the event: JSON text of at most 256 bytes. */
  readonly summary: Uint8Array;
  readonly fromVersion: number;
  /** The sequence that the summary's counts are of; what is left out is not checked. Else version-mismatch. */
  readonly fromSequence?: number;
  readonly key: KeyHash | null;
}

/**
 * Gives an event's memory back. Its id and summary stay; its claims and keys are gone, but for the key that archived
 * it. Without any mutex held. Refusals: event-in-use, version-mismatch, capacity-exhausted, idempotency-mismatch.
 */
export function archiveEvent(context: BatchContext, slot: number, command: ArchiveCommand): PatchOutcome {
  return underMutex(context, slot, () => {
    const { arena } = context;
    if (eventState(arena, slot) === EVENT_STATE.archived) return refuse('version-mismatch');
    const view = viewEvent(arena, slot);
    const check = checkKey(context, view, command.key, 'settle');
    if (check.kind === 'refused') return check.refusal;
    if (check.kind === 'known') return REPLAYED;
    if (view.version !== command.fromVersion) return refuse('version-mismatch');
    const sequence = loadSequence(arena, slot);
    if (sequence !== (command.fromSequence ?? sequence)) return refuse('version-mismatch');
    let held = 0;
    for (let section = 0; section < view.sectionCount; section++) {
      held += view.words[sectionBase(view, section) + SECTION.held];
    }
    if (held > 0) return { ok: false, code: 'event-in-use', held };
    commitArchive(context, view, command, check);
    return { ok: true, changed: true, replayed: false, retired: true };
  });
}

/**
 * The outcome of a call about an archived event under a key that is known; null for a key that is not. Without any mutex
 * held. The event has kept the key that archived it; keys under which it was archived again are in the registry's table.
 */
export function replayArchived(context: BatchContext, slot: number, key: KeyHash): PatchOutcome | null {
  const { words } = context.arena;
  const at = eventBase(context.arena, slot) + EVENT.archiveKey;
  const isOwn = words[at] === key.hash0 && words[at + 1] === key.hash1 && words[at + 2] === key.hash2;
  if (isOwn) {
    const isSame = words[at + 3] === key.body0 && words[at + 4] === key.body1;
    return isSame ? REPLAYED : refuse('idempotency-mismatch');
  }
  const check = underMutex(context, REGISTRY_SLOT, () =>
    checkKey(context, viewEvent(context.arena, REGISTRY_SLOT), key),
  );
  if (check.kind === 'known') return REPLAYED;
  const isMismatch = check.kind === 'refused' && check.refusal.code === 'idempotency-mismatch';
  return isMismatch ? check.refusal : null;
}

/**
 * Archives an event that is archived already: nothing changes. Its table of keys is gone, so the registry keeps this one;
 * a key's hash names the call and the event, so no other call finds it there. Without any mutex held. Refusals:
 * capacity-exhausted, idempotency-mismatch.
 */
export function keepArchived(context: BatchContext, slot: number, key: KeyHash | null): PatchOutcome {
  if (key === null) return UNCHANGED;
  return underMutex(context, REGISTRY_SLOT, () => {
    const registry = viewEvent(context.arena, REGISTRY_SLOT);
    const check = checkKey(context, registry, key);
    if (check.kind === 'refused') return check.refusal;
    if (check.kind === 'known') return REPLAYED;
    remember(context, registry, check, slot, slot, 0);
    return UNCHANGED;
  });
}

function commitArchive(
  context: BatchContext,
  view: EventView,
  command: ArchiveCommand,
  check: KeyCheck,
): void {
  const { words } = view;
  const timeMs = changeTime(context, view);
  const length = frameWords(ARCHIVE.summary + ((command.summary.length + 3) >>> 2), check, null);
  const frame = openEventFrame(context, view, timeMs, length, check);
  const { at } = frame;
  words[at + ARCHIVE.version] = view.version + 1;
  words[at + ARCHIVE.retiredPage] = view.firstPage;
  words[at + ARCHIVE.retiredCount] = words[view.base + EVENT.pageCount];
  words[at + ARCHIVE.summaryBytes] = command.summary.length;
  view.arena.bytes.set(command.summary, (at + ARCHIVE.summary) * 4);
  writeKeyFact(view, frame, check, 0, 0, timeMs);
  publishFrame(view.arena, frame.unit, packHeader(FRAME_KIND.archive, length));
  applyArchive(view.arena, words, at);
  endEventFrame(context, view, frame);
}

/**
 * Frees what events have left behind. For a registry batch that main sent once all batches that were under way then
 * have come back. Under the registry's mutex.
 */
export function reclaim(context: BatchContext): void {
  for (let slot = 1; slot <= context.arena.limits.eventsMax; slot++) {
    if (eventState(context.arena, slot) !== EVENT_STATE.free) reclaimRetired(context.arena, slot);
  }
  rebuildPages(context.arena);
}
