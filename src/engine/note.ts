/**
 * Notes: the reference and the metadata of a claim. Both are bytes of the caller's that the engine only keeps.
 */
import { claimState, isStart } from '../memory/claims.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import { CLAIM, CLAIM_STATE, NOTE, NOTE_HEADER_WORDS } from '../memory/layout.ts';

/** UTF-8, at most 64 and 512 bytes, each maybe empty; metadata is JSON text. */
export interface Note {
  readonly reference: Uint8Array;
  readonly metadata: Uint8Array;
}

export function noteLength(note: Note | null): number {
  return note === null ? 0 : note.reference.length + note.metadata.length;
}

/** As NOTE.bytes has it. */
export function noteSizes(note: Note | null): number {
  return note === null ? 0 : note.reference.length | (note.metadata.length << 16);
}

export function writeNoteBytes(view: EventView, word: number, note: Note | null): void {
  if (note === null) return;
  view.arena.bytes.set(note.reference, word * 4);
  view.arena.bytes.set(note.metadata, word * 4 + note.reference.length);
}

/** The note of a claim as it is; null for none. Under the mutex. */
function ownNote(view: EventView, cell: number): Note | null {
  const note = view.words[cellBase(view, cell) + CLAIM.note] - 1;
  if (note < 0 || !isStart(view, note)) return null;
  const base = cellBase(view, note);
  if (claimState(view.words[base + NOTE.state]) !== CLAIM_STATE.note) return null;
  if (view.words[base + NOTE.owner] !== cell + 1) return null;
  const sizes = view.words[base + NOTE.bytes];
  const start = (base + NOTE_HEADER_WORDS) * 4;
  const middle = start + (sizes & 0xffff);
  return {
    reference: view.arena.bytes.slice(start, middle),
    metadata: view.arena.bytes.slice(middle, middle + (sizes >>> 16)),
  };
}

/** What a claim's note is to be: parts that are given, and of the others what it has. Null: nothing new. */
export function mergeNote(view: EventView, cell: number, given: Note | null): Note | null {
  if (noteLength(given) === 0 || given === null) return null;
  const own = ownNote(view, cell);
  if (own === null) return given;
  return {
    reference: given.reference.length > 0 ? given.reference : own.reference,
    metadata: given.metadata.length > 0 ? given.metadata : own.metadata,
  };
}
