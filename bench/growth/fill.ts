/**
 * Data directories with so many seats and live claims in them, without a server: the engine makes the frames, as a
 * worker does, and the file journal keeps them, as the journal thread does. A million claims take seconds so; over
 * HTTP they would take minutes.
 */
import { assert } from '../../src/core/assert.ts';
import { FRAME_KIND, packHeader } from '../../src/core/frame.ts';
import type { Limits } from '../../src/core/limits.ts';
import type { TakeCommand, WantedItem } from '../../src/engine/hold.ts';
import { FileJournal } from '../../src/journal/file-journal.ts';
import type { FramesSink, Position } from '../../src/journal/port.ts';
import type { EventView } from '../../src/memory/event.ts';
import { CELL_WORDS } from '../../src/memory/layout.ts';
import { buildSnapshot } from '../../src/threads.ts';
import { floorItem, Rig, seatItem } from '../micro/rig.ts';
import type { GrowthSetting } from './sizes.ts';

/** The event that is filled, as the rig names it, and a row of it. */
export const EVENT = 'bench';
export const ROW_SEATS = 200;
/** Claims between two drains of the ring, and in one group of the journal. */
const STRETCH = 2000;
/** Longer than any bench takes. */
const HOLD_MS = 3_600_000;
const PADDING_WORDS = 256 * 1024;
const NOTHING: FramesSink = { snapshot() {}, frames() {} };

/** An event and what has been taken of it: holds, each with an idempotency key and a customer of its own. */
export interface Hall {
  /** Whole rows. */
  readonly seats: number;
  /** On the floor, those that are taken included. */
  readonly floorPlaces: number;
  /** Claims of one place on the floor. */
  readonly floorClaims: number;
  /** Claims of so many seats each, the best seats first. */
  readonly seatClaims: number;
  readonly seatsPerClaim: number;
}

export interface Filled {
  readonly hall: Hall;
  /** What it was filled with: a server needs as much at least. */
  readonly limits: Limits;
  /** Of the event. */
  readonly sequence: number;
  readonly heldPlaces: number;
  /** Frames in the journal. */
  readonly frames: number;
  /** Arena that the claims take in the table of claims, counted cell by cell. */
  readonly claimBytes: number;
  /** Arena that the seats take in the table of seats. */
  readonly seatBytes: number;
}

export function claimsOf(hall: Hall): number {
  return hall.floorClaims + hall.seatClaims;
}

/** Half of the claims have a seat, as far as there are seats; the others stand. `room` places stay free. */
export function hallOf(claims: number, seats: number, room: number): Hall {
  const seatClaims = Math.floor(Math.min(claims, seats) / 2);
  const floorClaims = claims - seatClaims;
  return { seats, floorPlaces: floorClaims + room, floorClaims, seatClaims, seatsPerClaim: 1 };
}

/** Fills an empty directory with segments. No snapshot. */
export function fillDirectory(
  directory: string,
  hall: Hall,
  { seed, segmentBytes }: Pick<GrowthSetting, 'seed' | 'segmentBytes'>,
): Filled {
  assert(hall.seats % ROW_SEATS === 0, 'a hall has whole rows');
  const rig = new Rig({
    floorPlaces: hall.floorPlaces,
    rows: hall.seats / ROW_SEATS,
    rowSeats: ROW_SEATS,
    seed,
  });
  const journal = new FileJournal(directory, { segmentBytes });
  journal.own();
  let position = journal.recover(NOTHING).position;
  const keep = (): void => {
    rig.drain();
    for (const group of rig.kept.splice(0)) position = append(journal, position, group);
  };
  try {
    rig.keepFrames = true;
    keep();
    for (let made = 0; made < claimsOf(hall); made += STRETCH) {
      const count = Math.min(STRETCH, claimsOf(hall) - made);
      rig.run(
        Array.from({ length: count }, (_, index) => claim(rig, hall, made + index)),
        [],
      );
      keep();
    }
    assert(position === rig.position, 'the journal has all that the engine made');
    assert(journal.end().ok, 'the journal is whole');
  } finally {
    journal.close();
  }
  return {
    hall,
    limits: { ...rig.limits, segmentBytes },
    sequence: rig.sequence,
    heldPlaces: hall.floorClaims + hall.seatClaims * hall.seatsPerClaim,
    frames: claimsOf(hall) + 1,
    claimBytes: liveCells(rig.view) * CELL_WORDS * 4,
    seatBytes: (rig.view.cells - rig.view.seats) * 4,
  };
}

function claim(rig: Rig, { seatClaims, seatsPerClaim }: Hall, number: number): TakeCommand {
  const items: WantedItem[] =
    number < seatClaims
      ? Array.from({ length: seatsPerClaim }, (_, index) => seatItem(number * seatsPerClaim + index))
      : [floorItem(1)];
  return {
    ...rig.command('hold', items, true),
    customer: Buffer.from(`customer-${String(number).padStart(7, '0')}`),
    // The rig has a time of its own. The server's is never behind that, nor behind the clock on the wall.
    durationMs: Math.max(0, Date.now() - rig.context.nowMs) + HOLD_MS,
  };
}

function append(journal: FileJournal, position: Position, group: Int32Array): Position {
  const outcome = journal.append(position, [
    new Uint8Array(group.buffer, group.byteOffset, group.byteLength),
  ]);
  assert(outcome.ok, 'the disk takes what the bench writes');
  return position + group.byteLength;
}

function liveCells({ words, live, cellCount }: EventView): number {
  let cells = 0;
  for (let word = live; word < live + cellCount / 32; word++) {
    for (let bits = words[word]; bits !== 0; bits &= bits - 1) cells++;
  }
  return cells;
}

export interface SnapshotTime {
  readonly ms: number;
  readonly bytes: number;
}

/**
 * Has the server's own snapshot thread make the next snapshot: from the last one, or from all there is. It looks at
 * sealed segments only, so the one that is open is filled up with padding first, as a worker does at the ring's end.
 */
export async function snapshotDirectory(directory: string, limits: Limits): Promise<SnapshotTime> {
  const journal = new FileJournal(directory, { segmentBytes: limits.segmentBytes });
  journal.own();
  try {
    let { position } = journal.recover(NOTHING);
    const padding = new Int32Array(PADDING_WORDS);
    padding[0] = packHeader(FRAME_KIND.padding, PADDING_WORDS);
    while (journal.stats.rolls === 0) position = append(journal, position, padding);
    assert(journal.end().ok, 'the journal is whole');
  } finally {
    journal.close();
  }
  const message = await buildSnapshot({ limits, directory, historyBytes: 0 }).done;
  if (message.kind !== 'written') throw new Error(`no snapshot was made: ${JSON.stringify(message)}`);
  return { ms: message.ms, bytes: message.bytes };
}
