/** Replies that main keeps: given as long as nobody can know of a later change, and not one read longer. */
import t from 'tap';
import type { BatchReply } from '../../src/core/batch.ts';
import { AVAILABILITY, SEAT, SEATS, type Operation } from '../../src/core/operations.ts';
import { encodeReplies } from '../../src/core/reply-codec.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { closeGuard, loadPosition, loadSequence, openGuard } from '../../src/memory/guard.ts';
import { labelReply, Rig, settle } from './rig.ts';

const SLOT = 1;
const FRAME_UNITS = 10;

/** An event whose changes are made and synced by hand, and a worker that says at which sequence the event is. */
class Stage {
  readonly rig = new Rig({ workers: 1 });
  readonly event: string;

  constructor() {
    this.rig.dispatcher.ready();
    this.event = this.rig.addEvent(SLOT);
  }

  /** Begins a change of the event: its frame is published, and applied by the function returned. */
  begin(): () => void {
    const { arena } = this.rig;
    const position = this.rig.publish(FRAME_UNITS);
    const sequence = loadSequence(arena, SLOT) + 1;
    openGuard(arena, SLOT, 0);
    return () => closeGuard(arena, SLOT, sequence, position);
  }

  change(): void {
    this.begin()();
  }

  get sequence(): number {
    return loadSequence(this.rig.arena, SLOT);
  }

  read(operation: Operation = AVAILABILITY): string {
    const label = this.rig.submit(this.event, operation);
    this.rig.scheduler.turn();
    return label;
  }

  /**
   * The worker reads for the batch that it has; its answer comes back when the function returned is called.
   * @param between called between one request and the next
   */
  serve(between: () => void = () => {}): () => Promise<void> {
    const { arena, pool } = this.rig;
    const { header, requests, resolve } = pool.take();
    let gate = 0;
    const replies = requests.map((_, i): BatchReply => {
      if (i > 0) between();
      const { sequence } = this;
      gate = loadPosition(arena, SLOT);
      return { ...labelReply(`at ${sequence}`), sequence };
    });
    const back = { batchId: header.batchId, gate, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
    const bytes = encodeReplies(back, requests, replies);
    return async () => {
      resolve(bytes);
      await settle();
    };
  }

  /** What a read was answered with; -1 while it is not. */
  seenBy(label: string): number {
    const answer = this.rig.answers.find((each) => each.label === label);
    return answer === undefined || answer.reply.kind === 'problem' ? -1 : answer.reply.sequence;
  }

  get batches(): number {
    return this.rig.pool.batches.length;
  }

  /** A read that goes to the worker and back. */
  async ask(): Promise<number> {
    const label = this.read();
    await this.serve()();
    return this.seenBy(label);
  }
}

t.test('while nothing changes a worker is asked once, and each reply has its own id', async (t) => {
  const stage = new Stage();
  stage.change();
  stage.rig.sync();
  t.equal(await stage.ask(), 1);
  const labels = [1, 2, 3].map(() => stage.read());
  t.equal(stage.batches, 0);
  for (const label of labels) {
    const answer = stage.rig.answers.find((each) => each.label === label);
    const message = answer?.reply.kind === 'reply' ? String(answer.reply.message) : '';
    t.match(message, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nat 1$/);
    t.match(message, `\r\nX-Request-Id: ${label}\r\n`);
  }
  t.match(stage.rig.dispatcher.statistics(), { readyTotal: 3, admittedTotal: 1, admitted: 0 });
});

t.test('a change that is not durable has happened to nobody; one that is, to everybody', async (t) => {
  const stage = new Stage();
  stage.change();
  stage.rig.sync();
  await stage.ask();
  const apply = stage.begin();
  t.equal(stage.seenBy(stage.read()), 1, 'while it is being made');
  apply();
  t.equal(stage.seenBy(stage.read()), 1, 'while it is not durable');
  stage.rig.sync();
  const late = stage.read();
  t.equal(stage.seenBy(late), -1);
  await stage.serve()();
  t.equal(stage.seenBy(late), 2);
  t.equal(stage.seenBy(stage.read()), 2, 'and that is kept in its place');
});

t.test('a reply that comes when the event has changed again is kept until that is durable', async (t) => {
  const stage = new Stage();
  stage.change();
  const first = stage.read();
  const comesBack = stage.serve();
  await comesBack();
  t.equal(stage.seenBy(first), -1, 'it waits for the journal');
  const durable = stage.rig.headPosition();
  stage.change();
  stage.rig.sync(durable);
  t.equal(stage.seenBy(first), 1);
  t.equal(stage.seenBy(stage.read()), 1);
  stage.rig.sync();
  t.equal(stage.seenBy(stage.read()), -1);
});

t.test('a reply that leaves when more is durable than it saw is not kept', async (t) => {
  const stage = new Stage();
  stage.change();
  const first = stage.read();
  const comesBack = stage.serve();
  stage.change();
  stage.rig.sync();
  await comesBack();
  t.equal(stage.seenBy(first), 1, 'it was there when that happened');
  t.equal(stage.seenBy(stage.read()), -1);
});

t.test('what other events write in the journal leaves it true', async (t) => {
  const stage = new Stage();
  stage.change();
  stage.rig.sync();
  await stage.ask();
  for (let i = 0; i < 3; i++) {
    stage.rig.publish(FRAME_UNITS);
    stage.rig.sync();
    t.equal(stage.seenBy(stage.read()), 1);
  }
  t.equal(stage.batches, 0);
});

t.test('replies without the sequence of their event are not kept', async (t) => {
  const stage = new Stage();
  stage.change();
  stage.rig.sync();
  for (const seat of ['s-A-1', 's-A-1']) {
    stage.rig.submit(stage.event, SEAT, { seat });
    stage.rig.scheduler.turn();
    t.equal(stage.batches, 1);
    await stage.serve()();
  }
});

t.test('what is kept of an event is bounded', async (t) => {
  const stage = new Stage();
  stage.change();
  stage.rig.sync();
  for (let i = 0; i < 100; i++) {
    stage.rig.submit(stage.event, SEATS, { query: `section=s${i}` });
    stage.rig.scheduler.turn();
    await stage.serve()();
  }
  const { readyTotal } = stage.rig.dispatcher.statistics();
  for (let i = 0; i < 100; i++) stage.rig.submit(stage.event, SEATS, { query: `section=s${i}` });
  const found = stage.rig.dispatcher.statistics().readyTotal - readyTotal;
  t.ok(found >= 1 && found <= 16, `${found} of 100`);
});

/**
 * Any order of changes, syncs, reads and answers. A read may not miss what was durable before it was sent (somebody may
 * have been told), and may not show what is not durable when it is answered.
 */
t.test('reads are linearizable and durable, in whatever order things happen', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed);
    const stage = new Stage();
    const { rig } = stage;
    /** Position of each change, by sequence - 1. */
    const ends: number[] = [];
    let durable = 0;
    let answered = 0;
    let wrong = '';
    const floors = new Map<string, number>();
    const durableSequence = (): number => ends.filter((end) => end <= durable).length;
    let apply: (() => void) | null = null;
    const returning: (() => Promise<void>)[] = [];
    for (let step = 0; step < 200; step++) {
      const dice = random.below(10);
      if (dice < 2 && apply === null) {
        apply = stage.begin();
        ends.push(rig.headPosition());
      } else if (dice < 4 && apply !== null) {
        apply();
        apply = null;
      } else if (dice === 4) {
        // Up to the end of any frame: a group may end between those of one event.
        const later = ends.filter((end) => end > durable);
        durable = later.length === 0 ? rig.headPosition() : later[random.below(later.length)];
        rig.sync(durable);
      } else if (dice === 5) {
        rig.publish(FRAME_UNITS);
      } else if (dice < 8) {
        const floor = durableSequence();
        floors.set(stage.read(random.oneIn(2) ? AVAILABILITY : SEATS), floor);
      } else if (dice === 8 && stage.batches > 0 && apply === null) {
        const change = (): void => {
          stage.change();
          ends.push(rig.headPosition());
        };
        returning.push(stage.serve(random.oneIn(2) ? change : undefined));
      } else if (returning.length > 0) {
        await returning.shift()?.();
      }
      for (; answered < rig.answers.length; answered++) {
        const { label } = rig.answers[answered];
        const seen = stage.seenBy(label);
        const floor = floors.get(label) ?? Infinity;
        if (seen < floor || seen > durableSequence())
          wrong += ` step ${step}: ${label} saw ${seen}, ${floor} was durable before, ${durableSequence()} is;`;
      }
    }
    t.equal(wrong, '', `seed ${seed}`);
    t.ok(answered > 0, `seed ${seed}: ${answered} answers`);
  }
});
