/** Random traffic, returns, deaths and syncs: credit is never exceeded, and every request is answered exactly once. */
import fc from 'fast-check';
import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { BATCH_COMMANDS_MAX, COMMAND_FRAME_BYTES_MAX } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  CREATE_EVENT,
  CREATE_HOLD,
  HISTORY,
  PATCH_EVENT,
  RELEASE_HOLD,
} from '../../src/core/operations.ts';
import { claimSuffix, type CellIndex, type EventSlot } from '../../src/core/ids.ts';
import { ringUsedUnits } from '../../src/memory/ring.ts';
import { Rig, settle, type FakeBatch } from './rig.ts';

const EVENTS = 8;
const QUEUE_MAX = 700;
const FRAME_UNITS_MAX = COMMAND_FRAME_BYTES_MAX / 8;

type Step =
  | { readonly kind: 'submit'; readonly event: number; readonly what: number; readonly count: number }
  /** A full batch for every event. */
  | { readonly kind: 'flood' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'return'; readonly index: number; readonly frames: number; readonly fill: number }
  /** As far as the worker goes: the replies come with a later return. */
  | { readonly kind: 'serve'; readonly index: number; readonly frames: number; readonly fill: number }
  | { readonly kind: 'die'; readonly index: number; readonly frames: number }
  | { readonly kind: 'sync' }
  | { readonly kind: 'disk'; readonly blocks: number }
  | { readonly kind: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      event: fc.integer({ min: 1, max: EVENTS }),
      what: fc.integer({ min: 0, max: 9 }),
      count: fc.integer({ min: 20, max: 90 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flood' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('return' as const),
      index: fc.nat(7),
      // Mostly the worst that credit allows for.
      frames: fc.oneof({ weight: 3, arbitrary: fc.constant(BATCH_COMMANDS_MAX) }, fc.nat(BATCH_COMMANDS_MAX)),
      fill: fc.oneof(
        { weight: 3, arbitrary: fc.constant(FRAME_UNITS_MAX) },
        fc.integer({ min: 4, max: FRAME_UNITS_MAX }),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('serve' as const),
      index: fc.nat(7),
      frames: fc.nat(BATCH_COMMANDS_MAX),
      fill: fc.integer({ min: 4, max: FRAME_UNITS_MAX }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('die' as const), index: fc.nat(7), frames: fc.nat(5) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disk' as const), blocks: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(500) }) },
);

class World {
  readonly rig: Rig;
  readonly workers: number;
  readonly oneWriting: boolean;
  readonly gates = new Map<string, number>();
  submitted = 0;
  /** Who may look at retired memory; null when none was retired. */
  #readers: Set<object> | null = null;
  readonly #departed = new WeakSet<object>();
  #durable = 0;
  #diskUsed = 0;

  constructor(workers: number, oneWriting: boolean, diskBlocks: number) {
    this.workers = workers;
    this.oneWriting = oneWriting;
    this.rig = new Rig(
      { workers, queueMax: QUEUE_MAX, segmentBytes: 4 << 20 },
      { oneWritingBatchPerEvent: oneWriting },
    );
    this.rig.diskRoom = diskBlocks * 4096;
    for (let slot = 1; slot <= EVENTS; slot++) this.rig.addEvent(slot);
    this.rig.dispatcher.ready();
  }

  async run(action: Step): Promise<void> {
    const { rig } = this;
    switch (action.kind) {
      case 'submit':
        for (let i = 0; i < action.count; i++) this.#submit(action.event, action.what);
        break;
      case 'flood':
        for (let i = 0; i < EVENTS * BATCH_COMMANDS_MAX; i++) this.#submit((i % EVENTS) + 1, 0);
        break;
      case 'turn':
        rig.scheduler.turn();
        break;
      case 'return':
        if (rig.pool.batches.length > 0) await this.#return(action.index, action.frames, action.fill);
        break;
      case 'serve':
        if (rig.pool.batches.length > 0) this.#serve(action.index, action.frames, action.fill);
        break;
      case 'die':
        if (rig.pool.batches.length > 0) await this.#die(action.index, action.frames);
        break;
      case 'sync':
        this.sync();
        break;
      case 'disk':
        rig.diskRoom += action.blocks * 4096;
        rig.dispatcher.onDiskRoom();
        break;
      case 'wait':
        rig.clock.advance(action.ms);
        rig.scheduler.fire();
        break;
      default:
        break;
    }
    await settle();
    this.check();
  }

  #submit(event: number, what: number): void {
    this.submitted++;
    const { rig } = this;
    const id = `event-${event}`;
    const client = `client-${this.submitted % (what + 1)}`;
    if (what < 5) rig.submit(id, CREATE_HOLD, { client });
    else if (what < 6) rig.submit(`hold_${suffix(event)}`, RELEASE_HOLD, { client });
    else if (what < 7) {
      const body = new Uint8Array(3000);
      if (event % 2 === 0) rig.submit('', CREATE_EVENT, { body, client });
      else rig.submit(id, PATCH_EVENT, { body, client });
    } else if (what < 8) rig.submit(id, HISTORY, { client });
    else rig.submit(what === 8 ? id : 'nothing', AVAILABILITY, { client });
  }

  /** As a worker would: publishes frames, no larger than their bound and no more than its commands, then answers. */
  async #return(index: number, frames: number, fill: number): Promise<void> {
    const { rig } = this;
    const batch = this.#takeOldest(index);
    if (!batch.isServed()) this.#publish(batch, frames, fill);
    const gate = batch.header.kind === BATCH_KIND.read ? this.#durable : rig.headPosition();
    for (const label of rig.labelsOf(batch)) this.gates.set(label, gate);
    const retired = isRegistry(batch) && fill % 2 === 0;
    if (retired) this.#readers = new Set<object>([...rig.pool.batches, ...rig.history]);
    const nextDeadlineMs = fill % 3 === 0 ? rig.clock.now() + fill : Infinity;
    await rig.answer(batch, { gate, nextDeadlineMs, retired }, () => 1 + (fill % 9));
  }

  /** A worker answers in order. */
  #takeOldest(index: number): FakeBatch {
    const { pool } = this.rig;
    const { threadId } = pool.batches[index % pool.batches.length];
    return pool.take(pool.batches.findIndex((batch) => batch.threadId === threadId));
  }

  /** The batch that its worker is at. */
  #serve(index: number, frames: number, fill: number): void {
    const { batches } = this.rig.pool;
    const { threadId } = batches[index % batches.length];
    const open = batches.filter((batch) => batch.threadId === threadId);
    // A worker that is one batch ahead gets no other before main has seen the first one's replies.
    if (open.length > 1 || open[0].isServed()) return;
    this.#notePublished(open[0], this.#publish(open[0], frames, fill));
    open[0].serve();
  }

  #notePublished({ header }: FakeBatch, count: number): void {
    const commands = Array.from({ length: count }, (_, commandIndex) => ({ commandIndex, fact: 1 }));
    this.rig.publishedOf.set(header.batchId, commands);
  }

  /** All that the worker had is lost, also what it was through with. */
  async #die(index: number, frames: number): Promise<void> {
    const { rig } = this;
    const { threadId } = rig.pool.batches[index % rig.pool.batches.length];
    for (;;) {
      const at = rig.pool.batches.findIndex((batch) => batch.threadId === threadId);
      if (at < 0) break;
      const batch = rig.pool.take(at);
      const { kind, count } = batch.header;
      if (!batch.isServed()) {
        const published = kind === BATCH_KIND.write ? this.#publish(batch, Math.min(frames, count), 16) : 0;
        this.#notePublished(batch, published);
      }
      // Batches that leave before it is repaired are waited for, too: they need not be.
      if (isRegistry(batch)) this.#readers = new Set<object>([...rig.pool.batches, ...rig.history]);
      batch.reject(new Error('the worker died'));
    }
    await settle();
  }

  #publish(batch: FakeBatch, frames: number, fill: number): number {
    const { kind, count } = batch.header;
    if (kind !== BATCH_KIND.write && kind !== BATCH_KIND.expire) return 0;
    const published = Math.min(frames, kind === BATCH_KIND.expire ? 64 : count);
    // Throws when the ring is full, or a disk write would not fit: that is what credit prevents.
    for (let i = 0; i < published; i++) {
      this.rig.publish(fill);
      this.#diskUsed += Math.ceil((64 + fill * 8) / 4096) * 4096;
    }
    if (this.#diskUsed > this.rig.diskRoom) throw new Error('more than the disk holds');
    return published;
  }

  sync(): void {
    this.#durable = this.rig.headPosition();
    this.rig.diskRoom -= this.#diskUsed;
    this.#diskUsed = 0;
    this.rig.sync();
  }

  check(): void {
    const { rig } = this;
    const { ringUnits } = rig.arena.geometry;
    if (ringUsedUnits(rig.arena) > ringUnits) throw new Error('the ring overflowed');
    this.#checkRegistry();
    const writing = new Map<number, number>();
    let reading = 0;
    for (const batch of rig.pool.batches) {
      const { header } = batch;
      if (batch.isServed() && header.eventSlot !== 0) continue;
      if (header.kind === BATCH_KIND.read) reading++;
      else writing.set(header.eventSlot, (writing.get(header.eventSlot) ?? 0) + 1);
      if (header.count > BATCH_COMMANDS_MAX) throw new Error('a batch is too large');
    }
    for (const [slot, count] of writing) {
      if (count > 1 && (this.oneWriting || slot === 0)) throw new Error('two writing batches of one event');
    }
    if (reading > Math.max(1, this.workers - 1)) throw new Error('too many readers');
    if (rig.dispatcher.admitted > QUEUE_MAX) throw new Error('too many admitted');
    if (rig.fatal.length > 0) throw rig.fatal[0];
    for (const { label, reply } of rig.answers) {
      const gate = this.gates.get(label);
      if (reply.kind === 'reply' && gate !== undefined && gate > this.#durable)
        throw new Error('told too early');
    }
  }

  /** No registry batch leaves while somebody could look at retired memory, and the next one reclaims. */
  #checkRegistry(): void {
    const { rig } = this;
    for (const batch of rig.pool.batches.filter(isRegistry)) {
      if (this.#departed.has(batch)) continue;
      this.#departed.add(batch);
      if (batch.header.count !== 1) throw new Error('registry commands go alone');
      if (batch.header.reclaim !== (this.#readers !== null)) throw new Error('reclaimed at the wrong time');
      const underWay = [...rig.pool.batches, ...rig.history];
      if (underWay.some((other) => this.#readers?.has(other) === true))
        throw new Error('reclaimed too early');
      this.#readers = null;
    }
  }

  /** Lets everything end. */
  async finish(): Promise<void> {
    const { rig } = this;
    rig.diskRoom = 1 << 30;
    for (let i = 0; i < 2000 && (rig.answers.length < this.submitted || rig.pool.batches.length > 0); i++) {
      rig.scheduler.turn();
      while (rig.pool.batches.length > 0) await this.#return(0, 64, 20);
      while (rig.history.length > 0) await rig.answerHistory();
      await settle();
      this.sync();
      await settle();
      this.check();
    }
    rig.clock.advance(10_000);
    rig.scheduler.fire();
    while (rig.pool.batches.length > 0) await rig.answer(rig.pool.take());
    await settle();
  }
}

function isRegistry({ header }: FakeBatch): boolean {
  return header.kind === BATCH_KIND.write && header.eventSlot === 0;
}

function suffix(slot: number): string {
  const claim = { generation: 1, cell: 0 as CellIndex, random0: 1, random1: 1, random2: 1 };
  return claimSuffix({ ...claim, slot: slot as EventSlot });
}

t.test('every request is answered exactly once, in time, and within its credit', async (t) => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 8 }),
    fc.boolean(),
    fc.oneof(fc.constant(1 << 18), fc.integer({ min: 200, max: 700 })),
    fc.array(step, { minLength: 10, maxLength: 80 }),
    async (workers, oneWriting, diskBlocks, steps) => {
      const world = new World(workers, oneWriting, diskBlocks);
      for (const action of steps) await world.run(action);
      await world.finish();
      const { rig } = world;
      if (rig.answers.length !== world.submitted)
        throw new Error(`${world.submitted - rig.answers.length} unanswered`);
      if (rig.dispatcher.admitted !== 0) throw new Error('something is counted as admitted');
      if (rig.dispatcher.laneCount !== 0) throw new Error('a lane is left');
      const { queued, inFlight, clients, admittedBytes } = rig.dispatcher.statistics();
      if (queued + inFlight + clients + admittedBytes !== 0) throw new Error('something is counted');
    },
  );
  await t.resolves(fc.assert(property, { numRuns: process.env['FRONTROW_LONG'] === '1' ? 1000 : 100 }));
});
