/**
 * Deadlines of an event's holds: a tree of minima over the claim cells.
 *
 *   root         ── min of 64 nodes below …
 *   leaf         ── min over the holds that begin in 64 cells
 *
 * A node is one word: a tick of 32 ms since the event was defined, rounded down, unsigned; all ones for none. A
 * node is a hint that is never too late: adding a hold lowers its nodes (idempotent), ending one changes nothing,
 * and a sweep that finds a node too early recomputes it from what is below. So repair needs nothing but the claim.
 */
import { RESTART_GRACE_MS } from '../core/limits.ts';
import { loadWide, storeWide, type Arena } from './arena.ts';
import { claimState } from './claims.ts';
import { cellBase, type EventView } from './event.ts';
import { CLAIM, CLAIM_STATE, DEADLINE_FANOUT, HEADER } from './layout.ts';

const TICK_MS = 32;
const NONE = 0xffff_ffff;
const TICK_MAX = NONE - 1;

/** Holds that ran out while the server was down count from here. Main thread, before requests are taken. */
export function setReadyTime(arena: Arena, readyMs: number): void {
  storeWide(arena.words, HEADER.readyLow, readyMs);
}

/** When a hold runs out, ms: its deadline, or some grace after the start when that passed during downtime. */
export function effectiveDeadline(view: EventView, cell: number): number {
  const deadlineMs = loadWide(view.words, cellBase(view, cell) + CLAIM.expiresLow);
  const readyMs = loadWide(view.words, HEADER.readyLow);
  return deadlineMs < readyMs ? readyMs + RESTART_GRACE_MS : deadlineMs;
}

function tickOf(view: EventView, deadlineMs: number): number {
  const tick = Math.floor((deadlineMs - view.createdAtMs) / TICK_MS);
  return Math.max(0, Math.min(TICK_MAX, tick));
}

/** Nodes are stored as tick ^ all ones, so that fresh memory, all zero, reads "none". */
function loadNode(view: EventView, word: number): number {
  return (view.words[word] ^ -1) >>> 0;
}

function storeNode(view: EventView, word: number, tick: number): void {
  view.words[word] = ~tick | 0;
}

/** Lowers the nodes over a hold's first cell to its deadline. Idempotent. Under the mutex. */
export function addDeadline(view: EventView, cell: number, deadlineMs: number): void {
  const tick = tickOf(view, deadlineMs);
  let node = cell;
  let level = view.deadlines;
  for (const count of view.deadlineLevels) {
    node = (node / DEADLINE_FANOUT) | 0;
    if (loadNode(view, level + node) > tick) storeNode(view, level + node, tick);
    level += count;
  }
}

/** Whether the tree would find a hold by this deadline: no node above its cell is later. */
export function isDeadlineCovered(view: EventView, cell: number, deadlineMs: number): boolean {
  const tick = tickOf(view, deadlineMs);
  let node = cell;
  let level = view.deadlines;
  for (const count of view.deadlineLevels) {
    node = (node / DEADLINE_FANOUT) | 0;
    if (loadNode(view, level + node) > tick) return false;
    level += count;
  }
  return true;
}

/** A time before which no hold is due, ms; Infinity when there is none. Any thread; a hint. */
export function nextDeadline(view: EventView): number {
  const levels = view.deadlineLevels;
  let root = view.deadlines;
  for (let i = 0; i < levels.length - 1; i++) root += levels[i];
  const tick = loadNode(view, root);
  // The end of the tick: whoever wakes then finds every hold of the tick due.
  return tick === NONE ? Infinity : view.createdAtMs + (tick + 1) * TICK_MS;
}

/**
 * First cell of a hold whose deadline is before `beforeMs`, or -1. Recomputes the hints that it finds too early,
 * so the same claim is not looked at again. Under the mutex.
 */
export function findDue(view: EventView, beforeMs: number): number {
  const last = view.deadlineLevels.length - 1;
  return findBelow(view, last, 0, beforeMs);
}

function levelStart(view: EventView, level: number): number {
  let start = view.deadlines;
  for (let i = 0; i < level; i++) start += view.deadlineLevels[i];
  return start;
}

function findBelow(view: EventView, level: number, node: number, beforeMs: number): number {
  const word = levelStart(view, level) + node;
  const tick = loadNode(view, word);
  if (tick === NONE || view.createdAtMs + tick * TICK_MS >= beforeMs) return -1;
  if (level === 0) return findInLeaf(view, word, node, beforeMs);
  const childCount = view.deadlineLevels[level - 1];
  const first = node * DEADLINE_FANOUT;
  const end = Math.min(first + DEADLINE_FANOUT, childCount);
  for (let child = first; child < end; child++) {
    const found = findBelow(view, level - 1, child, beforeMs);
    if (found >= 0) return found;
  }
  const children = levelStart(view, level - 1);
  let least = NONE;
  for (let child = first; child < end; child++) least = Math.min(least, loadNode(view, children + child));
  storeNode(view, word, least);
  return -1;
}

function findInLeaf(view: EventView, word: number, leaf: number, beforeMs: number): number {
  const end = Math.min((leaf + 1) * DEADLINE_FANOUT, view.cellCount);
  let least = NONE;
  for (let block = leaf * DEADLINE_FANOUT; block < end; block += 32) {
    let starts = view.words[view.starts + (block >>> 5)];
    while (starts !== 0) {
      const cell = block + 31 - Math.clz32(starts & -starts);
      starts &= starts - 1;
      const base = cellBase(view, cell);
      if (claimState(view.words[base + CLAIM.state]) !== CLAIM_STATE.held) continue;
      const deadlineMs = effectiveDeadline(view, cell);
      if (deadlineMs < beforeMs) return cell;
      least = Math.min(least, tickOf(view, deadlineMs));
    }
  }
  storeNode(view, word, least);
  return -1;
}
