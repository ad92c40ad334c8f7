/**
 * Claims of an event: runs of 32-byte cells, found by their first cell, which is part of the claim's id.
 *
 * Two bitmaps go with the cells: `starts` marks first cells of records that can be read, `live` marks all cells of
 * records that must not be overwritten (held and confirmed claims, and their notes). Room is taken in a circle
 * from the cursor on, so that ended claims are overwritten oldest first. A record overwritten in part loses its
 * start bit; so what customers wrote into cells can never be taken for a claim.
 *
 *   | taken by all, in a circle                        | reserve |      the last eighth: only for notes of confirmations
 *
 * A confirmation may come after a payment, so it finds room for its reference when claims have used up the rest. What
 * other versions of Frontrow wrote there stays: that the reserve is free is a hope of the search, never an invariant.
 */
import { assert } from '../core/assert.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_FLAG,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  EVENT,
  ITEM_WORDS,
  NOTE_HEADER_WORDS,
  TAIL,
  TAIL_HEADER_WORDS,
} from './layout.ts';
import { cellBase, type EventView } from './event.ts';

export function claimState(word: number): number {
  return word & 0xff;
}

export function claimCells(word: number): number {
  return (word >>> 8) & 0xff;
}

export function claimItems(word: number): number {
  return (word >>> 16) & 0xff;
}

export function claimTickets(word: number): number {
  return word >>> 24;
}

export function packClaim(state: number, cells: number, items: number, tickets: number): number {
  assert(cells <= 0xff && items <= 0xff && tickets <= 0xff, 'a claim fits its header');
  return state | (cells << 8) | (items << 16) | (tickets << 24);
}

export function withState(word: number, state: number): number {
  return (word & ~0xff) | state;
}

/** Cells of a claim with so many items and bytes of customer. */
export function cellsForClaim(items: number, customerBytes: number): number {
  const words = CLAIM_HEADER_WORDS + items * ITEM_WORDS + ((customerBytes + 3) >>> 2);
  return Math.ceil(words / CELL_WORDS);
}

export function cellsForNote(bytes: number): number {
  return Math.ceil((NOTE_HEADER_WORDS + ((bytes + 3) >>> 2)) / CELL_WORDS);
}

/** Cells of a tail: items and customer of a claim that was changed. */
export function cellsForTail(items: number, customerBytes: number): number {
  const words = TAIL_HEADER_WORDS + items * ITEM_WORDS + ((customerBytes + 3) >>> 2);
  return Math.ceil(words / CELL_WORDS);
}

/** First cell of a claim's tail, or -1. */
export function tailCell(view: EventView, cell: number): number {
  const base = cellBase(view, cell);
  const hasTail = ((view.words[base + CLAIM.sizes] >>> 16) & CLAIM_FLAG.tail) !== 0;
  return hasTail ? view.words[base + CLAIM_HEADER_WORDS] - 1 : -1;
}

/** First word of a claim's items, wherever they are. The customer's bytes follow them. */
export function itemBase(view: EventView, cell: number, item: number): number {
  const tail = tailCell(view, cell);
  const first =
    tail < 0 ? cellBase(view, cell) + CLAIM_HEADER_WORDS : cellBase(view, tail) + TAIL_HEADER_WORDS;
  return first + item * ITEM_WORDS;
}

/** Whether what a claim has outside its own cells is still there: of an ended one it may have been overwritten. */
export function isIntact(view: EventView, cell: number): boolean {
  const tail = tailCell(view, cell);
  if (tail < 0) return true;
  const base = cellBase(view, tail);
  return (
    tail < view.cellCount &&
    isStart(view, tail) &&
    claimState(view.words[base + TAIL.state]) === CLAIM_STATE.tail &&
    view.words[base + TAIL.owner] === cell + 1
  );
}

export function isStart(view: EventView, cell: number): boolean {
  if (cell >= view.cellCount) return false;
  return ((view.words[view.starts + (cell >>> 5)] >>> (cell & 31)) & 1) === 1;
}

/** First cell of the reserve. */
function reserveStart(view: EventView): number {
  return view.cellCount - (view.cellCount >>> 3);
}

/**
 * First of `count` cells in a row that no live record uses, from the cursor on and round, before the reserve; -1 when
 * there is no such run. Whole full words of the bitmap are stepped over at once.
 */
export function findFreeCells(view: EventView, count: number): number {
  const cursor = view.words[view.base + EVENT.cellCursor];
  const end = reserveStart(view);
  const found = scanFree(view, cursor, end, count);
  return found >= 0 ? found : scanFree(view, 0, Math.min(end, cursor + count), count);
}

/** The same for the note of a hold that is confirmed: in the reserve when there is no room before it. */
export function findNoteCells(view: EventView, count: number): number {
  const found = findFreeCells(view, count);
  return found >= 0 ? found : scanFree(view, reserveStart(view) - count + 1, view.cellCount, count);
}

/** The same for a claim that is not live now and is to be so again: clear of it, and of its tail. */
export function findNoteCellsBeside(view: EventView, count: number, cell: number): number {
  const tail = tailCell(view, cell);
  const first = tail < 0 ? cell : Math.min(cell, tail);
  const second = Math.max(cell, tail);
  const end = reserveStart(view);
  const found = scanBeside(view, 0, end, count, first, second);
  return found >= 0 ? found : scanBeside(view, end - count + 1, view.cellCount, count, first, second);
}

/** As scanFree(), clear of two records that may be one. */
function scanBeside(
  view: EventView,
  from: number,
  to: number,
  count: number,
  first: number,
  second: number,
): number {
  const before = scanFree(view, from, Math.min(to, first), count);
  if (before >= 0) return before;
  const between = scanFree(view, Math.max(from, endOf(view, first)), Math.min(to, second), count);
  return between >= 0 ? between : scanFree(view, Math.max(from, endOf(view, second)), to, count);
}

/** First cell behind a record. */
function endOf(view: EventView, cell: number): number {
  return cell + claimCells(view.words[cellBase(view, cell) + CLAIM.state]);
}

function scanFree(view: EventView, from: number, to: number, count: number): number {
  const { words, live } = view;
  let run = 0;
  let cell = from;
  while (cell < to) {
    const word = words[live + (cell >>> 5)];
    if ((cell & 31) === 0 && word === -1) {
      run = 0;
      cell += 32;
      continue;
    }
    run = ((word >>> (cell & 31)) & 1) === 0 ? run + 1 : 0;
    cell++;
    if (run === count) return cell - count;
  }
  return -1;
}

/** Takes cells for a record: old records there lose their starts, the new one gets its own. Idempotent. */
export function takeCells(view: EventView, cell: number, count: number): void {
  assert(cell >= 0 && count > 0 && cell + count <= view.cellCount, 'a record lies within the claim table');
  dropOverlapped(view, cell);
  setBits(view, view.live, cell, count);
  clearBits(view, view.starts, cell, count);
  setBits(view, view.starts, cell, 1);
  view.words[view.base + EVENT.cellCursor] = (cell + count) % view.cellCount;
}

/** An ended record that begins before `cell` and reaches over it loses its start. */
function dropOverlapped(view: EventView, cell: number): void {
  const start = lastStartBefore(view, cell);
  if (start < 0 || cell - start >= 256) return;
  const cells = claimCells(view.words[cellBase(view, start) + CLAIM.state]);
  if (start + cells > cell) clearBits(view, view.starts, start, 1);
}

/** Makes an ended record live again. Its start is there: nothing of it was overwritten. Idempotent. */
export function reviveCells(view: EventView, cell: number): void {
  const count = claimCells(view.words[cellBase(view, cell) + CLAIM.state]);
  setBits(view, view.live, cell, count);
}

/** The last record's start before a cell, in the 256 cells before it or a few more; -1 for none. */
function lastStartBefore(view: EventView, cell: number): number {
  for (let word = (cell - 1) >> 5, left = 9; word >= 0 && left > 0; word--, left--) {
    let bits = view.words[view.starts + word];
    // Of the cell's own word only what lies before it.
    if (word === cell >> 5) bits &= (1 << (cell & 31)) - 1;
    if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
  }
  return -1;
}

/** A record has ended: it stays readable until its cells are taken. Idempotent. */
export function endCells(view: EventView, cell: number): void {
  const count = claimCells(view.words[cellBase(view, cell) + CLAIM.state]);
  clearBits(view, view.live, cell, count);
}

function setBits(view: EventView, table: number, cell: number, count: number): void {
  for (let at = cell, end = cell + count; at < end; at = (at | 31) + 1)
    view.words[table + (at >>> 5)] |= bitsFrom(at, end);
}

function clearBits(view: EventView, table: number, cell: number, count: number): void {
  for (let at = cell, end = cell + count; at < end; at = (at | 31) + 1)
    view.words[table + (at >>> 5)] &= ~bitsFrom(at, end);
}

/** The bits of one word that stand for the cells from `at` on, up to `end` or the word's last. */
function bitsFrom(at: number, end: number): number {
  const count = Math.min(end - at, 32 - (at & 31));
  return (-1 >>> (32 - count)) << (at & 31);
}
