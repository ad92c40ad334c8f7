/** The journal thread without a supply: what it writes, what waits in the ring, and how it goes on or ends. */
import { once } from 'node:events';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { resolveLimits } from '../../src/core/limits.ts';
import { TimeHistogram } from '../../src/core/time-histogram.ts';
import { readAll } from '../../src/journal/offline.ts';
import { GROUP_HEADER_BYTES, spareName } from '../../src/journal/layout.ts';
import { createArena, type Arena } from '../../src/memory/arena.ts';
import { HEADER } from '../../src/memory/layout.ts';
import { publishFrame, reserveFrame, unitWord } from '../../src/memory/ring.ts';
import { takeThreadSlot, wakeJournal } from '../../src/memory/threads.ts';
import { JournalThread } from '../../src/threads.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const MIB = 1024 * 1024;
const BLOCK_BYTES = 4096;
const LIMITS = resolveLimits({
  workers: 1,
  arenaBytes: 8 * MIB,
  ringBytes: 4 * MIB,
  segmentBytes: 4 * MIB,
  eventsMax: 16,
});

class Rig {
  readonly directory: string;
  readonly arena: Arena = createArena(LIMITS);
  readonly thread: JournalThread;
  readonly told = new EventTarget();
  /** As main is told it: what the journal stores for credit it stores before. */
  durable = 0;
  readonly takenWhenDurable: { readonly spares: number; readonly rolled: number }[] = [];
  awaited = 0;
  rolled = 0;
  readonly #maker = new FrameMaker(1);
  readonly #producer = takeThreadSlot(this.arena, 1);

  constructor(t: Test) {
    this.directory = join(t.testdir(), 'data');
    mkdirSync(this.directory);
    const tell = (): void => void this.told.dispatchEvent(new Event('told'));
    this.thread = new JournalThread(
      {
        arena: this.arena.buffer,
        limits: LIMITS,
        directory: this.directory,
        durability: 'fsync',
        syncTimes: new TimeHistogram().buffer,
      },
      {
        durable: (position) => {
          this.durable = position;
          const spares = Atomics.load(this.arena.words, HEADER.sparesTaken);
          this.takenWhenDurable.push({ spares, rolled: this.rolled });
          tell();
        },
        rolled: () => {
          this.rolled++;
          tell();
        },
        awaitsSegment: () => {
          this.awaited++;
          tell();
        },
        lost: (error) => t.fail('the journal is lost', { error }),
      },
    );
    t.teardown(() => this.thread.terminate());
  }

  get isAwaiting(): boolean {
    return Atomics.load(this.arena.words, HEADER.awaitsSegment) === 1;
  }

  /** Blocks that the open segment may still take. */
  get blocks(): number {
    return Atomics.load(this.arena.words, HEADER.segmentBlocks);
  }

  /** Publishes frames of so many bytes, which the journal sees at once; returns the position behind them. */
  publish(...sizes: readonly number[]): number {
    const frames = sizes.map((bytes) => {
      const words = new Int32Array(this.#maker.single(0, bytes / 4 - 8).buffer);
      return { words, unit: reserveFrame(this.arena, this.#producer, bytes / 8) };
    });
    // The last first: it reads up to the first header that is not there.
    for (const { words, unit } of frames.toReversed()) {
      this.arena.words.set(words.subarray(1), unitWord(this.arena, unit) + 1);
      publishFrame(this.arena, unit, words[0]);
    }
    wakeJournal(this.arena);
    const { unit, words } = frames.at(-1)!;
    return (unit + words.length / 2) * 8;
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this.told, 'told');
  }

  /** Leaves the open segment with one block. */
  async fillSegment(): Promise<number> {
    let position = 0;
    while (this.blocks > 1) {
      const bytes = Math.min(MIB / 2, (this.blocks - 1) * BLOCK_BYTES - GROUP_HEADER_BYTES);
      position = this.publish(Math.floor(bytes / 16) * 16);
      await this.until(() => this.durable === position);
    }
    return position;
  }

  putSpare(): void {
    const path = join(this.directory, spareName(1));
    writeFileSync(`${path}.made`, new Uint8Array(LIMITS.segmentBytes));
    renameSync(`${path}.made`, path);
  }

  /** Stops it; resolves with the bytes that had no room. */
  stop(): Promise<number> {
    Atomics.store(this.arena.words, HEADER.journalStop, 1);
    wakeJournal(this.arena);
    return this.thread.ended;
  }
}

async function startRig(t: Test): Promise<Rig> {
  const rig = new Rig(t);
  await rig.thread.recovered;
  return rig;
}

t.test('without a segment for them frames wait in the ring, and go on with a spare', async (t) => {
  const rig = await startRig(t);
  const filled = await rig.fillSegment();
  const end = rig.publish(8192, 64);
  await rig.until(() => rig.awaited > 0);
  t.equal(rig.isAwaiting, true);
  t.equal(rig.durable, filled, 'nothing of them is durable');
  rig.publish(64);
  rig.putSpare();
  wakeJournal(rig.arena);
  await rig.until(() => rig.durable > end);
  t.equal(rig.isAwaiting, false);
  t.equal(rig.awaited, 1, 'told once, however often it was woken');
  t.ok(rig.blocks > 1, 'the room of the new segment is told');
  t.strictSame(
    rig.takenWhenDurable.at(-1),
    { spares: 1, rolled: 0 },
    'and its spare counted, before the roll is told',
  );
  await rig.until(() => rig.rolled > 0);
  t.equal(await rig.stop(), 0);
});

t.test('frames that fit into the open segment are written before it waits', async (t) => {
  const rig = await startRig(t);
  const filled = await rig.fillSegment();
  t.equal(rig.blocks, 1);
  rig.publish(64, 8192);
  await rig.until(() => rig.awaited > 0);
  t.equal(rig.durable, filled + 64);
  t.equal(rig.blocks, 0);
  t.equal(await rig.stop(), 8192);
});

t.test('a spare that nobody tells of is found', async (t) => {
  const rig = await startRig(t);
  await rig.fillSegment();
  const end = rig.publish(8192);
  await rig.until(() => rig.awaited > 0);
  rig.putSpare();
  await rig.until(() => rig.durable === end);
  t.equal(await rig.stop(), 0);
});

t.test('stopped while it waits it ends clean, with all that was durable', async (t) => {
  const rig = await startRig(t);
  const filled = await rig.fillSegment();
  rig.publish(8192, 64);
  await rig.until(() => rig.awaited > 0);
  t.equal(await rig.stop(), 8192 + 64, 'and says how much had no room');
  const report = readAll(rig.directory, true, new Collector());
  t.match(report, { position: filled, cleanEnd: true, problems: [], tornTail: null });
});
