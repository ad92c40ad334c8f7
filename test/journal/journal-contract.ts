/**
 * What every journal must do, whatever is below it. Run by file-journal.test.ts and memory-journal.test.ts.
 */
import t from 'tap';
import type { Test as TapTest } from 'tap';
import { groupBytes } from '../../src/journal/layout.ts';
import type { Journal, Recovered } from '../../src/journal/port.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

/** A place that survives its journals. Small segments, so that a few groups cross several. */
export interface JournalPlace {
  open(): Journal;
}

async function start(
  place: JournalPlace,
): Promise<{ journal: Journal; sink: Collector; recovered: Recovered }> {
  const journal = place.open();
  await journal.own();
  const sink = new Collector();
  const recovered = await journal.recover(sink);
  return { journal, sink, recovered };
}

export function journalContract(name: string, makePlace: (test: TapTest) => JournalPlace): void {
  t.test(`${name}: a new journal is empty and clean`, async (test) => {
    const { journal, sink, recovered } = await start(makePlace(test));
    test.match(recovered, { position: 0, epoch: 1, cleanEnd: true, tornTail: null, groups: 0, notes: [] });
    test.match(recovered.incarnation, /^[0-9a-f]{32}$/);
    test.equal(sink.groups.length, 0);
    await journal.close();
  });

  t.test(`${name}: acknowledged groups come back once, in order, through many segments`, async (test) => {
    const place = makePlace(test);
    const maker = new FrameMaker(11);
    const expected: Buffer[] = [];
    let position = 0;
    let incarnation = '';
    for (let boot = 1; boot <= 3; boot++) {
      const { journal, sink, recovered } = await start(place);
      incarnation ||= recovered.incarnation;
      test.match(recovered, { incarnation, position, epoch: boot, tornTail: null, cleanEnd: boot === 1 });
      test.strictSame(Buffer.concat(sink.groups.map((group) => group.bytes)), Buffer.concat(expected));
      for (let count = 0; count < 20; count++) {
        const group = maker.group(1 + (count % 30));
        test.strictSame(await journal.append(position, [group]), { ok: true });
        position += group.byteLength;
        expected.push(Buffer.from(group));
      }
      await journal.close();
    }
    const { journal, sink } = await start(place);
    test.strictSame(Buffer.concat(sink.groups.map((group) => group.bytes)), Buffer.concat(expected));
    let due = 0;
    for (const group of sink.groups) {
      test.equal(group.position, due);
      due += group.bytes.byteLength;
    }
    await journal.close();
  });

  t.test(`${name}: a group may be two views on shared memory`, async (test) => {
    const place = makePlace(test);
    const maker = new FrameMaker(5);
    const [one, two] = [maker.group(3), maker.group(2)];
    const shared = new SharedArrayBuffer(4096);
    const head = new Uint8Array(shared, 2048, one.byteLength);
    const wrapped = new Uint8Array(shared, 0, two.byteLength);
    head.set(one);
    wrapped.set(two);
    const first = await start(place);
    test.strictSame(await first.journal.append(0, [head, wrapped]), { ok: true });
    await first.journal.close();
    const second = await start(place);
    test.equal(second.sink.groups.length, 1);
    test.strictSame(second.sink.groups[0].bytes, Buffer.concat([one, two]));
    await second.journal.close();
  });

  t.test(`${name}: room shrinks by groupBytes and comes back with a new segment`, async (test) => {
    const { journal } = await start(makePlace(test));
    const maker = new FrameMaker(2);
    let position = 0;
    let grew = 0;
    for (let count = 0; count < 40; count++) {
      const before = journal.room();
      const group = maker.group(10);
      test.strictSame(await journal.append(position, [group]), { ok: true });
      position += group.byteLength;
      if (groupBytes(group.byteLength) <= before)
        test.equal(journal.room(), before - groupBytes(group.byteLength));
      else grew++;
    }
    test.ok(grew >= 2, 'the test crosses segments');
    await journal.close();
  });

  t.test(
    `${name}: an end mark says that nothing is missing, and appends after a restart go on`,
    async (test) => {
      const place = makePlace(test);
      const maker = new FrameMaker(3);
      const first = await start(place);
      const group = maker.group(4);
      await first.journal.append(0, [group]);
      test.strictSame(await first.journal.end(), { ok: true });
      await first.journal.close();
      const second = await start(place);
      test.match(second.recovered, { cleanEnd: true, position: group.byteLength, groups: 1 });
      test.strictSame(await second.journal.append(group.byteLength, [maker.group(1)]), { ok: true });
      await second.journal.close();
      const third = await start(place);
      test.match(third.recovered, { cleanEnd: false, groups: 2 });
      await third.journal.close();
    },
  );

  t.test(`${name}: one owner at a time, and the refusal names the holder`, async (test) => {
    const place = makePlace(test);
    const first = place.open();
    const owner = await first.own();
    const second = place.open();
    const refusal = await Promise.resolve()
      .then(() => second.own())
      .catch((error: unknown) => error);
    const holder = `process ${owner.pid} on ${owner.host} since ${owner.since}`;
    test.match(refusal, { code: 'directory-in-use', message: holder });
    await first.close();
    await second.own();
    await second.close();
  });

  t.test(`${name}: misuse is a bug and is refused before anything is written`, async (test) => {
    const { journal } = await start(makePlace(test));
    const maker = new FrameMaker(4);
    const group = maker.group(2);
    await test.rejects(
      async () => journal.append(8, [group]),
      { name: 'AssertionError' },
      'a gap in positions',
    );
    await test.rejects(async () => journal.append(0, []), { name: 'AssertionError' }, 'an empty group');
    await test.rejects(
      async () => journal.append(0, [new Uint8Array(1 << 20)]),
      { name: 'AssertionError' },
      'too large',
    );
    test.strictSame(await journal.append(0, [group]), { ok: true });
    test.match(
      await journal.append(group.byteLength, [group]),
      { ok: false, reason: 'lost' },
      'a repeated sequence',
    );
    await journal.close();
    test.match(await journal.append(group.byteLength, [group]), { ok: false, reason: 'lost' }, 'closed');
  });
}
