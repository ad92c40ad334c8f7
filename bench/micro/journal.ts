/** What a group costs on this disk, and what reading back costs: replay, and snapshots written and read. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { assert } from '../../src/core/assert.ts';
import { headerBytes } from '../../src/core/frame.ts';
import { Replay } from '../../src/engine/replay.ts';
import { dumpArena, loadArena } from '../../src/engine/snapshot.ts';
import type { TakeCommand } from '../../src/engine/hold.ts';
import { FileDisk } from '../../src/journal/file-disk.ts';
import { snapshotName } from '../../src/journal/layout.ts';
import { snapshotChunks, writeSnapshot } from '../../src/journal/snapshot.ts';
import { createArena, eventBase, loadWide } from '../../src/memory/arena.ts';
import { EVENT } from '../../src/memory/layout.ts';
import { percentile } from '../figures.ts';
import type { Figure } from '../figure.ts';
import { ROWS } from '../targets.ts';
import type { MicroSizes } from './sizes.ts';
import { floorItem, Rig, seatItem } from './rig.ts';

const BLOCK_BYTES = 4096;
const ROW_SEATS = 200;
const STRETCH = 2000;
/** What DESIGN §8 asks for; a test has less. */
const RECOVERY_SEATS = 1_000_000;
const START_MS = 1_800_000_000_000;

export async function journalFigures(sizes: MicroSizes, seed: number): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'frontrow-micro-'));
  try {
    return [
      appendFigure(directory, 'growing', sizes.journalWrites),
      appendFigure(directory, 'preallocated', sizes.journalWrites),
      replayFigure(sizes, seed),
      ...snapshotFigures(directory, sizes, seed),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** ms of a write of 4 KiB and its sync. */
function appendFigure(directory: string, how: 'growing' | 'preallocated', count: number): Figure {
  const file = openSync(join(directory, how), 'w');
  const block = new Uint8Array(BLOCK_BYTES).fill(1);
  const times: number[] = [];
  try {
    if (how === 'preallocated') {
      const zeros = new Uint8Array(BLOCK_BYTES);
      for (let at = 0; at < count; at++) writeSync(file, zeros, 0, BLOCK_BYTES, at * BLOCK_BYTES);
      fdatasyncSync(file);
    }
    for (let at = 0; at < count; at++) {
      const started = performance.now();
      const written = writeSync(file, block, 0, BLOCK_BYTES, at * BLOCK_BYTES);
      fdatasyncSync(file);
      times.push(performance.now() - started);
      assert(written === BLOCK_BYTES, 'a block is written whole');
    }
  } finally {
    closeSync(file);
  }
  return {
    what: `append and fdatasync of 4 KiB, ${how}`,
    values: times,
    unit: 'ms',
    note: `p99 ${percentile(times, 0.99).toFixed(2)} ms`,
  };
}

function replayFigure(sizes: MicroSizes, seed: number): Figure {
  const orders = new OrderReplay(sizes.replayFrames, seed);
  return {
    row: 'replay',
    what: `replay of ${orders.frames} orders with keys`,
    values: Array.from({ length: Math.min(3, sizes.rounds) }, () => orders.next()),
    unit: 'M frames/s',
    target: ROWS.replay.bound,
  };
}

/** Frames of orders, made by the engine, and applied to a fresh arena each time. */
class OrderReplay {
  readonly frames: number;
  readonly #rig: Rig;

  constructor(frames: number, seed: number) {
    this.frames = frames;
    const rig = new Rig({ floorPlaces: frames, rows: 0, rowSeats: 0, seed });
    rig.keepFrames = true;
    for (let left = frames; left > 0; left -= STRETCH) {
      const count = Math.min(left, STRETCH);
      rig.run(
        Array.from({ length: count }, () => rig.command('order', [floorItem(1)], true)),
        [],
      );
      rig.drain();
    }
    this.#rig = rig;
  }

  /** Replays all. In millions of frames per second. */
  next(): number {
    const { frames } = this;
    const rig = this.#rig;
    const arena = createArena(rig.limits);
    const replay = new Replay(arena);
    // The definition clears the event's pages, which is no frame's business.
    replay.apply(rig.kept[0], 0, headerBytes(rig.kept[0][0]) / 4, 0);
    let position = rig.kept[0].byteLength;
    const started = performance.now();
    for (const group of rig.kept.slice(1)) {
      replay.apply(group, 0, group.length, position);
      position += group.byteLength;
    }
    const ms = performance.now() - started;
    assert(replay.frames === frames + 1, 'every frame is applied');
    const sequence = loadWide(arena.words, eventBase(arena, rig.view.slot) + EVENT.sequenceLow);
    assert(sequence === rig.sequence, 'replay comes to where the engine was');
    return frames / ms / 1000;
  }
}

/** So many seats, each sold by a claim of its own. */
function snapshotFigures(directory: string, sizes: MicroSizes, seed: number): Figure[] {
  const rows = Math.ceil(sizes.snapshotSeats / ROW_SEATS);
  const seats = rows * ROW_SEATS;
  const rig = new Rig({ floorPlaces: 1, rows, rowSeats: ROW_SEATS, seed });
  for (let seat = 0; seat < seats; seat += STRETCH) {
    const commands: TakeCommand[] = [];
    for (let next = seat; next < Math.min(seats, seat + STRETCH); next++) {
      commands.push(rig.command('order', [seatItem(next)], false));
    }
    rig.run(commands, []);
    rig.drain();
  }
  const disk = new FileDisk(directory);
  const info = { position: rig.position, incarnation: '0'.repeat(32), lastTimeMs: START_MS, bytes: 0 };
  const dumping = performance.now();
  const { bytes } = writeSnapshot(disk, info, dumpArena(rig.arena));
  const dumpedMs = performance.now() - dumping;
  const loadedMs = Array.from({ length: Math.min(3, sizes.rounds) }, () => {
    const loading = performance.now();
    const arena = createArena(rig.limits);
    const file = disk.open(snapshotName(rig.position), 'read');
    loadArena(arena, snapshotChunks(file));
    const ms = performance.now() - loading;
    file.close();
    assert(
      loadWide(arena.words, eventBase(arena, rig.view.slot) + EVENT.sequenceLow) === rig.sequence,
      'a snapshot holds the sequence',
    );
    return ms;
  });
  const what = `${seats} seats and claims`;
  return [
    {
      what: `snapshot of ${what}: written and synced`,
      values: [dumpedMs / 1000],
      unit: 's',
      note: `${Math.round(bytes / 1024 / 1024)} MiB`,
    },
    {
      row: 'recovery',
      what: `snapshot of ${what}: read and loaded`,
      values: loadedMs.map((ms) => ms / 1000),
      unit: 's',
      target: ROWS.recovery.bound,
      ...(seats < RECOVERY_SEATS && { short: what }),
    },
  ];
}
