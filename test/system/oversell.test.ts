/**
 * Many at once for the same places, over real HTTP, with every change synced: nobody gets what another has, and
 * everything that is there is sold.
 */
import t from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { availability, conserves, seeded, Wire } from './support/http.ts';
import { startServer, testDirectory } from './support/servers.ts';
import { Volley, type VolleyAnswer, type VolleyRequest } from './support/volley.ts';

const SEED = Number(process.env['FRONTROW_SEED'] ?? 20_270_115);
const RIVALS = 1000;
const MIXED = 5000;
const SIZE_MAX = 8;
/** Connections for the 5,000: a request each in the long form. A connection costs more time than a request. */
const CONNECTIONS = process.env['FRONTROW_LONG'] === undefined ? RIVALS : MIXED;

const ROWS = Array.from({ length: 25 }, (_, row) => ({
  id: `R${row + 1}`,
  seats: ['1..20', null, '21..40'],
}));
const EVENT = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [
    { id: 'floor', kind: 'general', capacity: 1000 },
    { id: 'stalls', kind: 'seated', rows: ROWS },
    { id: 'box', kind: 'seated', rows: [{ id: 'A', seats: 1 }] },
  ],
};

const tally = (answers: readonly VolleyAnswer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, json } of answers) {
    const name =
      status < 300 ? String(status) : `${status} ${String(json['code'])} applied=${String(json['applied'])}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

const orderOf = (answer: VolleyAnswer): { id: string; tickets: { seat?: string }[] } =>
  answer.json as unknown as { id: string; tickets: { seat?: string }[] };

for (const workers of process.env['FRONTROW_LONG'] === undefined ? [1, 4] : [1, 2, 4]) {
  t.test(`with ${workers} worker(s), seed ${SEED}`, async (t) => {
    const directory = testDirectory(t);
    const server = await startServer(t, { dataDirectory: directory, workers });
    const wire = new Wire(server.url, 1);
    const volley = new Volley(server.url);
    t.teardown(() => {
      wire.close();
      volley.close();
    });
    const order = (item: object, key: string): VolleyRequest => ({
      path: '/v1/events/gala/orders',
      key,
      body: { items: [item] },
    });
    t.equal((await wire.post('/v1/events', EVENT)).status, 201);

    await t.test('a seat that 1,000 want at once is granted exactly once', async (t) => {
      await volley.open(RIVALS);
      const answers = await volley.post(
        Array.from({ length: RIVALS }, (_, i) => order({ seat: 'box-A-1' }, `seat-${i}`)),
      );
      t.same(tally(answers), { 201: 1, '409 seat-unavailable applied=false': RIVALS - 1 });
      const winner = answers.find(({ status }) => status === 201)!;
      const { json } = await wire.get('/v1/events/gala/seats/box-A-1');
      t.match(json, { state: 'sold', order: orderOf(winner).id }, 'and the seat names the winner');
    });

    for (const section of workers === 2 ? ['floor', 'stalls'] : ['floor']) {
      await t.test(
        `5,000 of mixed sizes never oversell ${section}, and then it sells out exactly`,
        async (t) => {
          const random = seeded(SEED + workers);
          const index = EVENT.sections.findIndex(({ id }) => id === section);
          let running = true;
          const bad: unknown[] = [];
          let samples = 0;
          const sampling = (async () => {
            const sampler = new Wire(server.url, 1);
            for (let last = 0; running; samples++) {
              const now = await availability(sampler, 'gala');
              if (!now.sections.every(conserves) || now.sequence < last) bad.push(now);
              last = now.sequence;
            }
            sampler.close();
          })();
          const sizes = Array.from({ length: MIXED }, () => 1 + Math.floor(random() * SIZE_MAX));
          await volley.open(CONNECTIONS);
          const answers = await volley.post(
            sizes.map((quantity, i) => order({ section, quantity }, `${section}-${i}`)),
          );
          let granted = 0;
          answers.forEach((answer, i) => {
            if (answer.status === 201) granted += sizes[i];
            else if (answer.status !== 409 || answer.json['applied'] !== false) bad.push(answer.json);
            else if (answer.json['code'] === 'sold-out') {
              if (answer.json['available'] !== 0) bad.push(answer.json);
            } else if (!(Number(answer.json['available']) < sizes[i])) bad.push(answer.json);
          });
          const left = (await availability(wire, 'gala')).sections[index].available;
          t.equal(left, 1000 - granted, 'what is left is what was not granted');
          const last = await volley.post(
            Array.from({ length: left + 50 }, (_, i) =>
              order({ section, quantity: 1 }, `${section}-last-${i}`),
            ),
          );
          t.same(tally(last), { ...(left > 0 && { 201: left }), '409 sold-out applied=false': 50 });
          running = false;
          await sampling;
          t.same(bad, [], `refusals tell the truth, and ${samples} samples conserve`);
          t.match((await availability(wire, 'gala')).sections[index], { available: 0, held: 0, sold: 1000 });
          const seats = [...answers, ...last]
            .filter(({ status }) => status === 201)
            .flatMap((answer) =>
              orderOf(answer).tickets.map(({ seat }, i) => seat ?? `${orderOf(answer).id} ${i}`),
            );
          t.equal(seats.length, 1000, 'a thousand tickets');
          t.equal(new Set(seats).size, 1000, 'no seat twice');
        },
      );
    }

    wire.close();
    volley.close();
    await server.close();
    const report = await verifyDirectory(directory);
    t.same(report.findings, [], 'and the journal says the same');
  });
}
