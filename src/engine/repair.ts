/**
 * Repair: gives back what a dead worker held and finishes what it had published. Main thread, after the worker's
 * thread has exited; never waits.
 *
 * A published frame has happened: it is redone from its facts. One that was only reserved has not: its room in
 * the ring becomes padding. Then the guard is even, the mutex passes on, and the event goes on.
 */
import { assert } from '../core/assert.ts';
import {
  FRAME_KIND,
  headerBytes,
  headerKind,
  WORD_BATCH,
  WORD_COMMAND,
  WORD_HEADER,
  WORD_SEQUENCE,
  wide,
} from '../core/frame.ts';
import { eventBase, type Arena } from '../memory/arena.ts';
import { viewEvent } from '../memory/event.ts';
import { abortGuard, closeGuard, readGuard } from '../memory/guard.ts';
import { EVENT, THREAD } from '../memory/layout.ts';
import {
  abandonDeadTicket,
  forgetDeadLock,
  inspectDeadLock,
  nudgeMutex,
  passOnDeadMutex,
} from '../memory/mutex.ts';
import { rebuildPages, REGISTRY_SLOT } from '../memory/registry.ts';
import {
  inspectDeadReservation,
  loadDurable,
  padDeadReservation,
  ringHead,
  unitPosition,
  unitWord,
} from '../memory/ring.ts';
import { freeThreadSlot, markExited, type ThreadBase } from '../memory/threads.ts';
import { applyFrame } from './apply.ts';
import { applyArchive, applyCreate, applyPatch } from './apply-event.ts';
import { CREATE, frameFact } from './facts.ts';

/** undecided: a thread that has not exited is about to show who took a ticket or room; ask again in the next turn. */
export type RepairOutcome = 'done' | 'undecided';

export function repairThread(arena: Arena, dead: ThreadBase): RepairOutcome {
  markExited(arena, dead);
  const reservation = inspectDeadReservation(arena, dead);
  if (reservation === 'undecided') return 'undecided';
  const lock = inspectDeadLock(arena, dead);
  if (lock.kind === 'undecided') return 'undecided';
  if (reservation === 'taken') padDeadReservation(arena, dead);
  Atomics.store(arena.words, dead + THREAD.reserveUnits, 0);
  switch (lock.kind) {
    case 'owner':
      repairEvent(arena, lock.slot);
      passOnDeadMutex(arena, dead);
      break;
    case 'waiter':
      // Its slot is freed by whoever passes the ticket over, maybe right here; from then on it may be another's.
      abandonDeadTicket(arena, dead);
      return 'done';
    case 'released':
      forgetDeadLock(arena, dead);
      nudgeMutex(arena, lock.slot);
      break;
    case 'none':
      forgetDeadLock(arena, dead);
      break;
  }
  freeThreadSlot(arena, dead);
  return 'done';
}

/** Redoes a published frame, and makes the guard even. The dead thread's reservation is padded by now. */
function repairEvent(arena: Arena, slot: number): void {
  if (slot === REGISTRY_SLOT) rebuildPages(arena);
  if ((readGuard(arena, slot) & 1) === 0) return;
  const base = eventBase(arena, slot);
  // Pairs with the stores in openGuard(): before them nothing was published.
  if (Atomics.load(arena.words, base + EVENT.noted) === 0) {
    abortGuard(arena, slot);
    return;
  }
  const unit = Atomics.load(arena.words, base + EVENT.notedUnit);
  const at = unitWord(arena, unit);
  const header = Atomics.load(arena.words, at);
  assert(header !== 0, 'a noted frame is published or padded');
  if (headerKind(header) === FRAME_KIND.padding) {
    abortGuard(arena, slot);
    return;
  }
  const end = unitPosition(unit, loadDurable(arena)) + headerBytes(header);
  redoFrame(arena, slot, at, end);
}

function redoFrame(arena: Arena, slot: number, at: number, end: number): void {
  const { words } = arena;
  switch (headerKind(words[at + WORD_HEADER])) {
    case FRAME_KIND.create:
      applyCreate(arena, words, at, end);
      closeGuard(arena, slot, wide(words, at + CREATE.registrySequence), end);
      return;
    case FRAME_KIND.patch:
      applyPatch(arena, words, at);
      break;
    case FRAME_KIND.archive:
      applyArchive(arena, words, at);
      break;
    default:
      applyFrame(viewEvent(arena, slot), words, at, 'redo');
  }
  closeGuard(arena, slot, wide(words, at + WORD_SEQUENCE), end);
}

/** A command of a lost batch that was published: its place in the batch, and the claim or slot it is about. */
export interface PublishedCommand {
  readonly commandIndex: number;
  readonly fact: number;
}

/** The commands of a batch whose frames are in the ring from `firstUnit` on. After repair; main thread. */
export function publishedCommands(arena: Arena, batchId: number, firstUnit: number): PublishedCommand[] {
  const { words } = arena;
  const commands: PublishedCommand[] = [];
  const units = (ringHead(arena) - firstUnit) | 0;
  let at = 0;
  while (at < units) {
    const frame = unitWord(arena, (firstUnit + at) | 0);
    const header = Atomics.load(words, frame + WORD_HEADER);
    // Room that a living worker has reserved and not published yet: what lies behind it is found when it has.
    if (header === 0) break;
    const kind = headerKind(header);
    if (
      kind !== FRAME_KIND.padding &&
      kind !== FRAME_KIND.expire &&
      words[frame + WORD_BATCH] === (batchId | 0)
    ) {
      commands.push({ commandIndex: words[frame + WORD_COMMAND] & 0xffff, fact: frameFact(words, frame) });
    }
    at += headerBytes(header) / 8;
  }
  return commands;
}
