import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { claimSuffix, type CellIndex, type EventSlot } from '../../src/core/ids.ts';
import { COMMAND_FRAME_BYTES_MAX } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  BLOCK,
  CHANGE_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  PATCH_EVENT,
  RELEASE_HOLD,
  UNBLOCK,
  type Operation,
} from '../../src/core/operations.ts';
import { Credit } from '../../src/dispatch/credit.ts';
import { GROUP_HEADER_BYTES, groupBytes, segmentCapacity, spareRoom } from '../../src/journal/layout.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { HEADER } from '../../src/memory/layout.ts';
import { Rig } from './rig.ts';

const FRAME_UNITS = COMMAND_FRAME_BYTES_MAX / 8;

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

function holdId(slot: number): string {
  const claim = { generation: 1, cell: 0 as CellIndex, random0: 1, random1: 1, random2: 1 };
  return `hold_${claimSuffix({ ...claim, slot: slot as EventSlot })}`;
}

t.test(
  'batches under way never hold more than the ring, and what waits goes on when it is released',
  async (t) => {
    const rig = readyRig({ workers: 6, ringBytes: 1 << 20 });
    for (let slot = 1; slot <= 6; slot++) {
      const event = rig.addEvent(slot);
      for (let i = 0; i < 64; i++) rig.submit(event);
    }
    rig.scheduler.turn();
    const counts = rig.pool.batches.map((batch) => batch.header.count);
    const held = counts.reduce((sum, count) => sum + (count + 1) * COMMAND_FRAME_BYTES_MAX, 0);
    t.ok(held <= 1 << 20, `${held} bytes are set aside`);
    t.ok(counts.length < 6, 'a worker is idle, for there is no room');
    const wake = Atomics.load(rig.arena.words, HEADER.journalWake);
    const batch = rig.pool.take();
    for (let i = 0; i < batch.header.count; i++) rig.publish(FRAME_UNITS);
    await rig.answer(batch, { gate: rig.headPosition() });
    t.equal(rig.pool.batches.length, counts.length - 1, 'its frames fill the room it had held');
    t.ok(Atomics.load(rig.arena.words, HEADER.journalWake) > wake, 'the journal is asked for room');
    while (rig.answers.length < 6 * 64) {
      rig.sync();
      const next = rig.pool.take();
      for (let i = 0; i < next.header.count; i++) rig.publish(FRAME_UNITS);
      await rig.answer(next, { gate: rig.headPosition() });
      rig.sync();
    }
    t.equal(rig.dispatcher.admitted, 0);
  },
);

t.test('a read leaves while frames of a batch under way are counted twice', async (t) => {
  const rig = readyRig({ workers: 4, ringBytes: 1 << 20 });
  for (let slot = 1; slot <= 3; slot++) {
    const event = rig.addEvent(slot);
    for (let i = 0; i < 64; i++) rig.submit(event);
  }
  rig.scheduler.turn();
  // What they were given room for: it is used now, and set aside until they return.
  for (const { header } of rig.pool.batches) for (let i = 0; i < header.count; i++) rig.publish(FRAME_UNITS);
  const read = rig.submit('event-1', AVAILABILITY);
  rig.scheduler.turn();
  const batch = rig.pool.take(rig.pool.batches.length - 1);
  t.strictSame(rig.labelsOf(batch), [read]);
  await rig.answer(batch);
  t.equal(rig.codeOf(read), 'reply');
  while (rig.pool.batches.length > 0) await rig.answer(rig.pool.take());
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('each operation takes credit by the largest frame that it may publish', (t) => {
  const rig = new Rig({ ringBytes: 1 << 20 });
  const credit = new Credit(rig.arena, () => 1 << 30);
  const bound = (operation: Operation, bodyBytes = 0): number => credit.frameBound({ operation, bodyBytes });
  t.equal(bound(CREATE_HOLD), COMMAND_FRAME_BYTES_MAX);
  t.equal(bound(CHANGE_HOLD), 8192);
  t.equal(bound(BLOCK), 24_576);
  t.equal(bound(UNBLOCK), 24_576);
  t.equal(bound(CREATE_EVENT, 1000), 12_192, 'a definition by the size of its body');
  t.equal(bound(CREATE_EVENT, 1 << 20), 1 << 18, 'a quarter of the ring at most');
  t.equal(bound(PATCH_EVENT, 20), 1 << 18, 'a patch holds the whole definition, however small it is');
  t.end();
});

t.test('unblocking gives places back, so it draws on the reserve', (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  rig.diskRoom = 4096 * 16;
  rig.dispatcher.onDiskRoom();
  const block = rig.submit(event, BLOCK);
  const unblock = rig.submit(event, UNBLOCK);
  rig.scheduler.turn();
  t.equal(rig.codeOf(block), 'journal-full');
  t.equal(rig.codeOf(unblock), 'none', 'it is under way');
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write, count: 1 });
  t.end();
});

t.test('a full disk refuses new changes and those that wait, before anything is changed', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  const underWay = rig.submit(event);
  rig.scheduler.turn();
  const waiting = rig.submit(event);
  const release = rig.submit(holdId(1), RELEASE_HOLD);
  rig.diskRoom = 1 << 20;
  rig.dispatcher.onDiskRoom();
  t.equal(rig.dispatcher.state, 'journal-full');
  t.equal(rig.codeOf(waiting), 'journal-full');
  const late = rig.submit(event);
  const read = rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  t.equal(rig.codeOf(late), 'journal-full');
  await rig.answer(rig.pool.take());
  await rig.answer(rig.pool.take());
  await rig.answer(rig.pool.take());
  t.strictSame(
    [underWay, release, read].map((label) => rig.codeOf(label)),
    ['reply', 'reply', 'reply'],
    'what gives back draws on the reserve, and reads need no room',
  );
  rig.diskRoom = 1 << 30;
  const recovered = rig.submit(event);
  rig.scheduler.turn();
  t.equal(rig.dispatcher.state, 'ready');
  t.equal(rig.codeOf(recovered), 'none', 'there is room again');
});

t.test('with the reserve used up too, even what gives back is refused', (t) => {
  const rig = readyRig({ workers: 1 });
  rig.addEvent(1);
  rig.diskRoom = 4096;
  const release = rig.submit(holdId(1), RELEASE_HOLD);
  rig.scheduler.turn();
  t.equal(rig.codeOf(release), 'journal-full');
  t.equal(rig.pool.batches.length, 0);
  t.end();
});

t.test('room on disk stays set aside until the frames are durable', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  // The reserve, and a little more than two commands need.
  rig.diskRoom = (4 << 20) + 40_000;
  for (let i = 0; i < 20; i++) rig.submit(event, CREATE_HOLD);
  rig.scheduler.turn();
  const batch = rig.pool.take();
  t.ok(batch.header.count < 20);
  rig.publish(8);
  await rig.answer(batch, { gate: rig.headPosition() });
  t.equal(rig.pool.batches.length, 0, 'returned, but not on disk');
  rig.sync();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write });
});

const SHAPE = { segmentBytes: 64 << 10, eventsMax: 16 };
const FRAME_MAX = SHAPE.segmentBytes / 4;

/** A journal with room for groups, as the journal thread fills it. */
class Room {
  open: number;
  spares: number;
  rolls = 0;

  constructor(blocks: number, spares: number) {
    this.open = blocks * 4096;
    this.spares = spares;
  }

  /** Writes a group; false when it has no room. */
  take(payloadBytes: number): boolean {
    const bytes = groupBytes(payloadBytes);
    if (bytes > this.open && this.spares > 0) {
      this.spares--;
      this.rolls++;
      this.open = segmentCapacity(SHAPE);
    }
    if (bytes > this.open) return false;
    this.open -= bytes;
    return true;
  }
}

/** Frames up to a limit, one at least, are one group. Without a spare a group is as long as the open segment holds. */
function writeAll(room: Room, frames: readonly number[], limitOf: () => number): boolean {
  for (let at = 0; at < frames.length;) {
    const limit = room.spares > 0 ? limitOf() : Math.min(limitOf(), room.open - GROUP_HEADER_BYTES);
    let bytes = frames[at++];
    while (at < frames.length && bytes + frames[at] <= limit) bytes += frames[at++];
    if (!room.take(bytes)) return false;
  }
  return true;
}

/** The order that wastes the most: the largest as soon as it does not fit, until then the smallest; each in its own group. */
function writeWorst(room: Room, frames: readonly number[]): boolean {
  const left = frames.toSorted((a, b) => a - b);
  while (left.length > 0) {
    const isAtEnd = room.spares > 0 && groupBytes(left.at(-1)!) > room.open;
    if (!room.take(isAtEnd ? left.pop()! : left.shift()!)) return false;
  }
  return true;
}

t.test('what is admitted has room, in whatever groups and segments it comes', (t) => {
  const seed = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
  const random = new SeededRandom(seed);
  const credit = new Credit(new Rig().arena, () => Infinity);
  let rolls = 0;
  for (let round = 0; round < 4000; round++) {
    const isWorst = random.oneIn(2);
    const room = new Room(random.below(segmentCapacity(SHAPE) / 4096 + 1), random.below(5));
    const roomBytes = room.open + room.spares * spareRoom(SHAPE);
    // 4040 bytes and a header leave the most of a block empty.
    const sizeOf = (): number => {
      return isWorst ? (random.oneIn(3) ? FRAME_MAX : 4040) : 32 + random.below(FRAME_MAX / 8 - 3) * 8;
    };
    // One batch, as large as it is admitted, and in it the ring's end: padding that is as long as its largest frame.
    const frames: number[] = [];
    let sum = 0;
    for (let largest = 0; ;) {
      const size = sizeOf();
      const peak = Math.max(largest, size);
      if (credit.diskNeed(sum + size, frames.length + 1, peak) > roomBytes) break;
      sum += size;
      largest = peak;
      frames.push(size);
    }
    if (frames.length > 0) frames.splice(random.below(frames.length + 1), 0, Math.max(...frames));
    const limitOf = (): number => (random.oneIn(2) ? FRAME_MAX : 1);
    const isWritten = isWorst ? writeWorst(room, frames) : writeAll(room, frames, limitOf);
    if (!isWritten) {
      t.fail(`seed ${seed}: in round ${round} a frame has no room`, { frames, roomBytes });
      break;
    }
    rolls += room.rolls;
  }
  t.ok(rolls > 100, `${rolls} segments were left for another`);
  t.end();
});

t.test('a frame is admitted as a group of its own, whatever its length', (t) => {
  const credit = new Credit(new Rig().arena, () => Infinity);
  const count = 300;
  const short: number[] = [];
  for (let bytes = 32; bytes <= 2 * 4096; bytes += 8) {
    if ((count + 1) * groupBytes(bytes) > credit.diskNeed(count * bytes, count, bytes)) short.push(bytes);
  }
  t.strictSame(short, []);
  t.end();
});
