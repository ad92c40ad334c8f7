/** What single reads and live updates tell: to whom, at which version, and what has changed since a sequence. */
import t from 'tap';
import {
  AVAILABILITY,
  BLOCK,
  CONFIRM_HOLD,
  CREATE_HOLD,
  GET_EVENT,
  PATCH_EVENT,
  READ_CHANGES,
  RELEASE_HOLD,
  SEAT,
  SEATS,
  type Operation,
} from '../../src/core/operations.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { smallLimits, testSeed } from '../engine/rig.ts';
import { validateReply } from '../support/openapi.ts';
import { definitionTag, GALA, jsonOf, ServiceRig, type Json } from './rig.ts';
import { type ReadReply } from '../support/batches.ts';

type Test = { teardown(fn: () => void): void };

function rigWith(t: Test, event: object, servers = 1): ServiceRig {
  // Workers of which none ever hears what another has changed.
  const rig = new ServiceRig(servers, true);
  t.teardown(() => rig.close());
  rig.define(event);
  return rig;
}

function read(rig: ServiceRig, operation: Operation, query: string): Json {
  const reply = rig.read(operation, { subject: 'gala', query });
  const json = jsonOf(reply);
  if (reply.status !== 200) throw new Error(JSON.stringify(json));
  return json;
}

function must(rig: ServiceRig, reply: ReadReply): Json {
  rig.journal.drain();
  if (reply.status >= 300) throw new Error(Buffer.from(reply.body).toString());
  return jsonOf(reply);
}

function patch(rig: ServiceRig, body: object): Json {
  return must(rig, rig.write(PATCH_EVENT, { subject: 'gala', body }, REGISTRY_SLOT));
}

t.test('changes since a sequence are the seats that are another, and all counts', async (t) => {
  const rig = rigWith(t, GALA);
  const since = (query: string): Json => read(rig, READ_CHANGES, query);
  const hold = must(
    rig,
    rig.write(CREATE_HOLD, {
      subject: 'gala',
      body: { items: [{ seat: 'stalls-A-1' }, { seat: 'box-1-x-R' }, { section: 'floor', quantity: 2 }] },
    }),
  );
  must(rig, rig.write(BLOCK, { subject: 'gala', body: { items: [{ seat: 'stalls-B-7' }] } }));
  t.match(since(''), {
    event: 'gala',
    sequence: 3,
    state: 'open',
    seats: {},
    sections: [{ id: 'floor', held: 2 }],
  });
  t.same(Object.keys(since('')['seats']), [], 'from now on: nothing has changed yet');
  t.same(since('after=1')['seats'], { 'stalls-A-1': 'h', 'stalls-B-7': 'b', 'box-1-x-R': 'h' });
  t.same(since('after=2')['seats'], { 'stalls-B-7': 'b' });
  t.same(since('after=3')['seats'], {});
  must(rig, rig.write(CONFIRM_HOLD, { subject: String(hold['id']) }));
  const confirmed = since('after=3');
  t.same(confirmed['seats'], { 'stalls-A-1': 's', 'box-1-x-R': 's' });
  t.same(confirmed['sections'][0], { id: 'floor', available: 48, held: 0, sold: 2, blocked: 0 });
  t.same(
    since('after=5'),
    { event: 'gala', sequence: 4, state: 'open', reset: true },
    'of a life that is over',
  );
});

t.test('changes put onto an old seat map give the new one, whatever happened', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const rig = rigWith(t, GALA);
  const map = (): Map<string, string> => {
    const letters = new Map<string, string>();
    const sections = read(rig, SEATS, '')['sections'] as unknown as {
      id: string;
      rows: { id: string; seats: string }[];
    }[];
    for (const section of sections)
      for (const row of section.rows)
        for (let i = 0; i < row.seats.length; i++) letters.set(`${section.id}-${row.id}-${i}`, row.seats[i]);
    return letters;
  };
  const place = (label: string): string => {
    const names = { L: '0', R: '1' } as Record<string, string>;
    const [, head, number] = /^(.*-)(\w+)$/.exec(label) ?? [];
    return head + (names[number] ?? String(Number(number) - 1));
  };
  const held: string[] = [];
  let known = map();
  let sequence = 1;
  for (let round = 0; round < 40; round++) {
    for (let i = random.below(4); i >= 0; i--) {
      const seat = `stalls-${'AB'[random.below(2)]}-${1 + random.below(7)}`;
      const reply = rig.write(CREATE_HOLD, { subject: 'gala', body: { items: [{ seat }] } });
      if (reply.status === 201) held.push(String(jsonOf(reply)['id']));
      const subject = held.length > 0 && random.oneIn(2) ? held.splice(random.below(held.length), 1)[0] : '';
      if (subject !== '') rig.write(random.oneIn(3) ? CONFIRM_HOLD : RELEASE_HOLD, { subject });
      rig.journal.drain();
    }
    const changes = read(rig, READ_CHANGES, `after=${sequence}`);
    sequence = Number(changes['sequence']);
    known = new Map(known);
    for (const [label, letter] of Object.entries(changes['seats'])) known.set(place(label), String(letter));
    t.same([...known], [...map()], `at sequence ${sequence}`);
  }
});

t.test('more changed seats than a message should carry are told as a reset', async (t) => {
  const limits = smallLimits({ arenaBytes: 32 * 1024 * 1024 });
  const rig = new ServiceRig(1, false, limits);
  t.teardown(() => rig.close());
  const rows = Array.from({ length: 21 }, (_, i) => ({ id: `r${i}`, seats: 1000 }));
  rig.define({ ...GALA, sections: [{ id: 'bowl', kind: 'seated', price: 100, rows }] });
  for (let row = 0; row < 21; row++) {
    for (let start = 1; start <= 1000; start += 500) {
      const items = Array.from({ length: 500 }, (_, i) => ({ seat: `bowl-r${row}-${start + i}` }));
      must(rig, rig.write(BLOCK, { subject: 'gala', body: { items } }));
    }
  }
  const sequence = 1 + 42;
  t.same(read(rig, READ_CHANGES, 'after=1'), { event: 'gala', sequence, state: 'open', reset: true });
  t.equal(Object.keys(read(rig, READ_CHANGES, 'after=3')['seats']).length, 20_000);
});

t.test('a draft is there for who has a key, and whose a seat is only for who may read claims', async (t) => {
  const rig = rigWith(t, { ...GALA, state: 'draft' });
  for (const operation of [READ_CHANGES, SEATS]) {
    t.equal(rig.read(operation, { subject: 'gala', role: 'none', events: '' }).status, 404);
    t.equal(rig.read(operation, { subject: 'gala', role: 'reader' }).status, 200);
  }
  must(rig, rig.write(PATCH_EVENT, { subject: 'gala', body: { state: 'open' } }, REGISTRY_SLOT));
  must(rig, rig.write(CREATE_HOLD, { subject: 'gala', body: { items: [{ seat: 'stalls-A-1' }] } }));
  const seat = (role: 'none' | 'reader'): Json =>
    jsonOf(rig.read(SEAT, { subject: 'gala', seat: 'stalls-A-1', role }));
  t.match(seat('reader'), { state: 'held', hold: /^hold_/, expiresAt: /Z$/ });
  t.same(Object.keys(seat('none')).sort(), [
    'event',
    'features',
    'number',
    'row',
    'seat',
    'section',
    'sequence',
    'state',
  ]);
  for (const role of ['none', 'reader'] as const) t.same(validateReply('seat', 200, seat(role)), []);
});

t.test(
  'a reply that was kept is not told once the event was changed or archived, by whichever worker',
  async (t) => {
    const rig = rigWith(t, GALA, 2);
    const get = (operation: Operation, server: number, ifNoneMatch = ''): ReadReply =>
      rig.read(operation, { subject: 'gala', role: 'none', events: '', ifNoneMatch }, 1, server);
    for (const operation of [GET_EVENT, AVAILABILITY, SEATS]) {
      for (const server of [0, 1, 0, 1]) t.match(get(operation, server), { status: 200, isPublic: true });
      t.equal(get(operation, 1, get(operation, 0).etag).status, 304);
    }
    const sections = [
      { id: 'floor', name: 'Arena', capacity: 60 },
      { id: 'tent', kind: 'seated', rows: [{ id: 'A', seats: 700 }] },
    ];
    const before = get(GET_EVENT, 1).etag;
    patch(rig, { sections });
    for (const server of [1, 0]) {
      const event = get(GET_EVENT, server, before);
      t.match(event, { status: 200, etag: definitionTag(2) });
      t.same(validateReply('getEvent', 200, jsonOf(event)), []);
      t.match(jsonOf(event), {
        version: 2,
        sections: [{ name: 'Arena', capacity: 60 }, {}, {}, { id: 'tent' }],
      });
      t.match(jsonOf(get(AVAILABILITY, server)), {
        capacity: 60 + 14 + 2 + 700,
        sections: [{ available: 60 }, {}, {}, { id: 'tent', available: 700 }],
      });
      t.match(jsonOf(get(SEATS, server))['sections'], [
        {},
        {},
        { id: 'tent', rows: [{ seats: 'a'.repeat(700) }] },
      ]);
    }
    patch(rig, { state: 'closed' });
    patch(rig, { state: 'archived' });
    for (const server of [1, 0]) {
      const event = get(GET_EVENT, server, definitionTag(3));
      t.match(event, { status: 200, etag: definitionTag(4), isPublic: true });
      t.match(jsonOf(event), { id: 'gala', state: 'archived', version: 4, capacity: 776, sold: 0 });
      t.same(validateReply('getEvent', 200, jsonOf(event)), []);
      t.equal(get(GET_EVENT, server, definitionTag(4)).status, 304);
      for (const operation of [AVAILABILITY, SEATS, READ_CHANGES])
        t.equal(get(operation, server).status, 404);
    }
  },
);

t.test('what is read with a key is not for caches on the way, nor is a draft', async (t) => {
  const rig = rigWith(t, { ...GALA, state: 'draft' });
  const get = (keyId: string): ReadReply => rig.read(GET_EVENT, { subject: 'gala', keyId });
  t.equal(get('').isPublic, false, 'a draft');
  patch(rig, { state: 'open' });
  for (const _ of [1, 2]) {
    t.equal(get('').isPublic, true);
    t.equal(get('box-office').isPublic, false);
  }
});
