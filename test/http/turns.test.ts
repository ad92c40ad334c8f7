/**
 * Requests that are fully received and wait for their turn on a connection: deadlines of their events wait for them,
 * and for as long as they wait, no longer. Real sockets and both listeners, over a dispatcher whose workers, clock and
 * timers the test turns by hand.
 */
import t from 'tap';
import type { Test } from 'tap';
import { assert } from '../../src/core/assert.ts';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { claimSuffix, type CellIndex, type EventSlot } from '../../src/core/ids.ts';
import { TURN_WAIT_MS_MAX } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  CONFIRM_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  PATCH_EVENT,
  RELEASE_HOLD,
  type Operation,
} from '../../src/core/operations.ts';
import { Lanes } from '../../src/dispatch/lane.ts';
import { Sweeps } from '../../src/dispatch/sweeps.ts';
import { createLeanListener } from '../../src/http/lean-listener.ts';
import type { ListenerFactory, ListenerOptions } from '../../src/http/listener.ts';
import { createNodeListener } from '../../src/http/node-listener.ts';
import { createHttpService, type HttpService, type Streams } from '../../src/http/service.ts';
import { FakeScheduler, Rig, type FakeBatch } from '../dispatch/rig.ts';
import { get } from './support/listener-stage.ts';
import { Wire } from './support/wire.ts';

const LISTENERS: readonly (readonly [name: string, create: ListenerFactory])[] = [
  ['lean', createLeanListener],
  ['node', createNodeListener],
];

function post(path: string, body = '{}'): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** A hold of the event in a slot, as far as anybody on the main thread can tell. */
function holdIn(slot: number, cell = 1): string {
  const place = { slot: slot as EventSlot, generation: 1, cell: cell as CellIndex };
  return `hold_${claimSuffix({ ...place, random0: 1, random1: 2, random2: 3 })}`;
}

const confirm = (hold: string): string => post(`/v1/holds/${hold}/confirm`);
const release = (hold: string): string => `DELETE /v1/holds/${hold} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
/** Goes to the registry's lane, and keeps its connection busy until the test answers it. */
const SLOW = post('/v1/events');

/** Takes the connection, and tells nothing. */
const streams: Streams = {
  open(exchange, _request, answered) {
    exchange.stream({ status: 200, headers: '' }, { writable() {}, gone() {}, drained() {} });
    answered(200, '');
  },
};

class Stage {
  readonly rig = new Rig({ workers: 4 });
  readonly service: HttpService;
  readonly #wires: Wire[] = [];
  #port = 0;

  constructor(create: ListenerFactory, limits: Partial<ListenerOptions>) {
    const sink = this.rig.dispatcher;
    this.service = createHttpService({ sink, streams, connectionsMax: 100, listener: create, limits });
    for (const slot of [1, 2, 3]) this.rig.addEvent(slot);
    sink.ready();
  }

  async start(t: Test): Promise<this> {
    this.#port = await this.service.listen('127.0.0.1', 0);
    t.teardown(async () => {
      for (const { socket } of this.#wires) socket.destroy();
      await this.service.drain(0);
    });
    return this;
  }

  async open(): Promise<Wire> {
    const wire = await Wire.open(this.#port);
    this.#wires.push(wire);
    return wire;
  }

  /** All that was sent before has been parsed, and admitted if its turn has come. */
  async parsed(): Promise<void> {
    const wire = await this.open();
    for (let i = 0; i < 2; i++) await wire.send(get('/healthz')).next();
    wire.socket.destroy();
    await wire.closed;
    this.rig.scheduler.turn();
  }

  /** The event's holds are due from now on. */
  expire(...slots: number[]): void {
    const { dispatcher, clock, scheduler } = this.rig;
    for (const slot of slots) dispatcher.seed(slot, clock.now() + 5);
    clock.advance(10);
    scheduler.fire();
  }

  get sweeps(): number[] {
    const { batches } = this.rig.pool;
    return batches
      .filter(({ header }) => header.kind === BATCH_KIND.expire)
      .map(({ header }) => header.eventSlot);
  }

  /** Takes a batch that carries requests of this operation, if a worker has one. */
  find({ code }: Operation): FakeBatch | undefined {
    const { pool } = this.rig;
    const at = pool.batches.findIndex(({ requests }) => requests[0]?.operation === code);
    return at < 0 ? undefined : pool.take(at);
  }

  /** Answers the batch that carries a request of this operation. */
  async answer(operation: Operation): Promise<void> {
    const batch = this.find(operation);
    assert(batch !== undefined, `a worker has a ${operation.name}`);
    await this.rig.answer(batch);
  }
}

for (const [name, create] of LISTENERS) {
  const stage = (t: Test, limits: Partial<ListenerOptions> = {}): Promise<Stage> =>
    new Stage(create, { lingerMs: 20, ...limits }).start(t);

  t.test(`${name}: a hold does not expire while its confirm waits behind another request`, async (t) => {
    const on = await stage(t);
    const { rig } = on;
    const receivedAtMs = rig.clock.now();
    const wire = (await on.open()).send(SLOW + confirm(holdIn(1)));
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, [], 'it was received in time');
    await on.answer(CREATE_EVENT);
    t.equal((await wire.next()).status, 200);
    await on.parsed();
    t.strictSame(on.sweeps, []);
    const batch = on.find(CONFIRM_HOLD)!;
    t.match(batch.header, { eventSlot: 1, expireBeforeMs: receivedAtMs });
    t.match(batch.requests, [{ receivedAtMs }]);
    await rig.answer(batch);
    t.equal((await wire.next()).status, 200);
    t.strictSame(on.sweeps, [1], 'and what else is due goes then');
  });

  t.test(`${name}: each of several claims in a pipeline keeps its own event, and no other`, async (t) => {
    const on = await stage(t);
    const { rig } = on;
    const wire = (await on.open()).send(
      SLOW + confirm(holdIn(1)) + release(holdIn(2)) + confirm(holdIn(1, 2)),
    );
    await on.parsed();
    on.expire(1, 2, 3);
    t.strictSame(on.sweeps, [3], 'nobody waits for a hold of the third');
    await on.answer(CREATE_EVENT);
    await wire.next();
    await on.parsed();
    await on.answer(CONFIRM_HOLD);
    await wire.next();
    await on.parsed();
    t.strictSame(on.sweeps, [3], 'the first event waits for the second confirm');
    t.match(rig.pool.batches[1]?.header, { eventSlot: 2, kind: BATCH_KIND.write });
    await on.answer(RELEASE_HOLD);
    t.equal((await wire.next()).status, 200);
    await on.parsed();
    t.strictSame(on.sweeps, [3, 2]);
    await on.answer(CONFIRM_HOLD);
    await wire.next();
    t.strictSame(new Set(on.sweeps), new Set([1, 2, 3]));
  });

  t.test(`${name}: reads, and what the head refuses, keep no hold`, async (t) => {
    const on = await stage(t);
    const refused = post(`/v1/holds/${holdIn(1)}/confirm?unknown=1`);
    (await on.open()).send(SLOW + get(`/v1/holds/${holdIn(1)}`) + refused);
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, [1]);
  });

  t.test(`${name}: a request whose peer has gone keeps no hold any more`, async (t) => {
    const on = await stage(t);
    const wire = (await on.open()).send(SLOW + confirm(holdIn(1)) + release(holdIn(1)));
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, []);
    wire.socket.resetAndDestroy();
    await on.parsed();
    t.strictSame(on.sweeps, [1]);
    t.equal(on.rig.pool.batches.length, 2, 'and it is not handled');
  });

  t.test(`${name}: neither does one that is refused when its turn has come`, async (t) => {
    const on = await stage(t);
    const hold = post(`/v1/events/event-1/holds`, '');
    const wire = (await on.open()).send(SLOW + hold);
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, []);
    await on.answer(CREATE_EVENT);
    await wire.next();
    t.match(await wire.next(), { status: 400, text: /malformed-json/ });
    await on.parsed();
    t.strictSame(on.sweeps, [1]);
  });

  t.test(`${name}: nor one behind a request that takes the connection for itself`, async (t) => {
    const on = await stage(t);
    const changes = get('/v1/events/event-2/changes', 'Accept: text/event-stream\r\n');
    (await on.open()).send(SLOW + changes + confirm(holdIn(1)));
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, []);
    await on.answer(CREATE_EVENT);
    await on.parsed();
    t.strictSame(on.sweeps, [1]);
  });

  t.test(`${name}: a draining server keeps a hold no longer than the request that names it`, async (t) => {
    const on = await stage(t);
    const { rig, service } = on;
    const wire = (await on.open()).send(SLOW + confirm(holdIn(1)));
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, []);
    const drained = service.drain(60_000);
    await on.answer(CREATE_EVENT);
    t.equal((await wire.next()).status, 200);
    t.match(await wire.next(), { status: 503, text: /draining/ });
    t.equal(await drained, true);
    rig.scheduler.turn();
    t.strictSame(on.sweeps, [1]);
  });

  t.test(`${name}: nobody sweeps for a request that outlives the journal`, async (t) => {
    const on = await stage(t);
    const { rig } = on;
    const wire = (await on.open()).send(SLOW + confirm(holdIn(1)));
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, []);
    rig.dispatcher.journalLost();
    t.match(await wire.next(), { status: 500, text: /outcome-unknown/ });
    t.match(await wire.next(), { status: 503, text: /draining/ });
    rig.scheduler.turn();
    t.equal(rig.pool.batches.length, 1, 'no batch leaves');
  });

  t.test(`${name}: a peer that does not read keeps a hold until it is closed for that`, async (t) => {
    const on = await stage(t, {
      replyBufferBytesMax: 16 * 1024,
      replyStallMs: 50,
      keepAliveTimeoutMs: 60_000,
    });
    const { rig } = on;
    const wire = await on.open();
    wire.socket.pause();
    // More than the sockets of both sides take: its turns are held then.
    await wire.sent(get('/v1/events/event-2/availability').repeat(24) + confirm(holdIn(1)));
    await on.parsed();
    on.expire(1);
    t.strictSame(on.sweeps, []);
    for (let batch = on.find(AVAILABILITY); batch !== undefined; batch = on.find(AVAILABILITY)) {
      await rig.answer(batch, {}, undefined, 'x'.repeat(1 << 20));
      await on.parsed();
    }
    // The socket's own timer is a real one.
    while (on.sweeps.length === 0) await on.parsed();
    t.equal(on.find(CONFIRM_HOLD), undefined, 'and its request is not handled');
    wire.socket.resume();
    await wire.closed;
  });
}

t.test('a peer that reads slowly cannot keep a hold for long', (t) => {
  const rig = new Rig();
  rig.addEvent(1);
  rig.dispatcher.ready();
  const start = rig.clock.now();
  const ended = [0, 20_000].map((laterMs) =>
    rig.dispatcher.awaitTurn(CONFIRM_HOLD, holdIn(1), start + laterMs),
  );
  rig.dispatcher.seed(1, start + 5);
  rig.clock.advance(TURN_WAIT_MS_MAX);
  rig.scheduler.fire();
  t.equal(rig.pool.batches.length, 0, 'a hold that was due just after the request was received');
  rig.clock.advance(5);
  rig.scheduler.fire();
  t.match(rig.pool.take().header, { kind: BATCH_KIND.expire, expireBeforeMs: start + 5 });
  for (const end of ended) end?.();
  t.end();
});

t.test('events whose holds are due and kept are not looked at for others', (t) => {
  const clock = new ManualClock(1000);
  const scheduler = new FakeScheduler(clock);
  const lanes = new Lanes(true);
  const sweeps = new Sweeps({ clock, scheduler, lanes, wanted: () => {} });
  const slots = [1, 2, 3];
  const ends = slots.map((slot) => lanes.awaitTurn(slot, clock.now()));
  for (const slot of slots) sweeps.seed(slot, 1005);
  clock.advance(10);
  scheduler.fire();
  t.equal(lanes.writingCount, 3);
  for (let left = slots.length; left > 0; left--) {
    const lane = lanes.nextWriting()!;
    sweeps.postpone(lane, clock.now());
    lanes.settle(lane);
  }
  t.equal(lanes.writingCount, 0, 'none of them has a turn until its request has come');
  t.equal(ends[1](), true);
  t.equal(lanes.nextWriting()?.slot, 2);
  t.equal(lanes.writingCount, 0);
  t.end();
});

t.test('only requests that may lose a hold are waited for, and leave nothing behind', (t) => {
  const rig = new Rig();
  const event = rig.addEvent(1);
  const { dispatcher, clock } = rig;
  t.equal(dispatcher.awaitTurn(CONFIRM_HOLD, holdIn(1), clock.now()), null, 'a server that is starting');
  dispatcher.ready();
  t.equal(dispatcher.awaitTurn(CONFIRM_HOLD, holdIn(2), clock.now()), null, 'an event that there is not');
  t.equal(dispatcher.awaitTurn(CONFIRM_HOLD, 'hold_x', clock.now()), null, 'no hold at all');
  t.equal(dispatcher.awaitTurn(AVAILABILITY, event, clock.now()), null, 'a read');
  t.equal(dispatcher.awaitTurn(PATCH_EVENT, event, clock.now()), null, 'a change of the event');
  t.equal(dispatcher.laneCount, 0);
  const end = dispatcher.awaitTurn(CREATE_HOLD, event, clock.now());
  t.equal(dispatcher.laneCount, 1);
  end?.();
  t.equal(dispatcher.laneCount, 0);
  t.equal(rig.scheduler.immediateCount, 0, 'nothing is due, nothing is to be done');
  dispatcher.journalLost();
  t.equal(dispatcher.awaitTurn(CREATE_HOLD, event, clock.now()), null, 'a server that is ending');
  t.end();
});
