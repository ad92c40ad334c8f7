/** The small pure parts: bodies, turns, peers, forwarded addresses, keys, Accept. */
import { timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { parseAccept } from '../../src/http/accept.ts';
import { BodyBuffer } from '../../src/http/body.ts';
import { DirectSocket } from '../../src/http/direct-socket.ts';
import { parseKeys } from '../../src/core/keys.ts';
import { TrustedProxies } from '../../src/http/forwarded.ts';
import { createHead } from '../../src/http/head.ts';
import { KeyRing } from '../../src/http/key-ring.ts';
import { KeySource } from '../../src/http/key-source.ts';
import { peerOf } from '../../src/http/peer.ts';
import { Turns } from '../../src/http/turns.ts';
import { FakeLogger } from './support/fake-logger.ts';
import { entryOf } from './support/keys.ts';

t.test('a body is the concatenation of its chunks, whatever they are, or refused at the limit', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 30 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 0, max: 300 }), (parts, bytesMax) => {
      const buffer = new BodyBuffer(bytesMax);
      const whole = Buffer.concat(parts);
      // What is kept is no view: each part is gone when the next one comes.
      const taken = parts.every((part, index) => {
        const lent = new Uint8Array(part);
        const isTaken = buffer.append(lent);
        if (index % 2 === 0) return isTaken;
        buffer.keep();
        lent.fill(0);
        return isTaken;
      });
      if (taken !== whole.length <= bytesMax) return false;
      if (!taken) return true;
      const body = buffer.take();
      return whole.length === 0 ? body === null : body !== null && Buffer.compare(body, whole) === 0;
    }),
  );
});

t.test('a body that waits does not keep the large chunk it came in', async (t) => {
  const waits = new BodyBuffer(1000);
  waits.append(new Uint8Array(64 * 1024).fill(7).subarray(100, 110));
  waits.keep();
  const body = waits.take()!;
  t.same([...body], [7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
  t.equal(body.buffer.byteLength, 10);
  const usual = new BodyBuffer(1000);
  const chunk = new Uint8Array(600);
  usual.append(chunk.subarray(500));
  t.equal(usual.take()!.buffer, chunk.buffer, 'one that came with its head is not copied');
});

t.test('a socket whose connection cannot be taken out is read as it is', async (t) => {
  const accepted = new PassThrough();
  const direct = new DirectSocket(accepted as unknown as Socket);
  t.equal(direct.socket, accepted as unknown as Socket);
  const read: string[] = [];
  direct.read((bytes) => read.push(bytes.toString()));
  accepted.end('some bytes');
  await new Promise((resolve) => accepted.once('end', resolve));
  t.strictSame(read, ['some bytes']);
});

interface Step {
  readonly safe: boolean;
  readonly delay: number;
}

t.test('turns: an unsafe one runs alone, starts are in order, all run, never more than allowed', async () => {
  const steps = fc.array(fc.record({ safe: fc.boolean(), delay: fc.nat(5) }), { maxLength: 40 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (plan, runningMax) => {
      const turns = new Turns<Step & { ready: boolean; run(): void }>(runningMax);
      const running = new Map<number, () => void>();
      const started: number[] = [];
      const entries = plan.map((step, index) => {
        const entry = {
          ...step,
          ready: step.delay % 2 === 0,
          run(): void {
            started.push(index);
            // Some answer at once, within run().
            if (step.delay === 0) turns.leave(entry);
            else running.set(index, () => turns.leave(entry));
            const unsafe = [...running.keys()].some((other) => !plan[other].safe);
            if (running.size > (unsafe ? 1 : runningMax)) throw new Error('too many run');
          },
        };
        return entry;
      });
      for (const entry of entries) turns.enter(entry);
      // Ready in reverse order, then answered newest first: the worst of both.
      for (const entry of entries.toReversed()) {
        entry.ready = true;
        turns.wake();
      }
      while (running.size > 0) {
        const [index, leave] = [...running].at(-1)!;
        running.delete(index);
        leave();
      }
      return turns.size === 0 && started.every((index, at) => index === at) && started.length === plan.length;
    }),
  );
});

t.test('turns: nothing starts while held, and dropping the first one lets the next go', async (t) => {
  const turns = new Turns<{ safe: boolean; ready: boolean; run(): void }>(2);
  const started: string[] = [];
  const turn = (name: string, ready = true) => ({ safe: true, ready, run: () => void started.push(name) });
  turns.hold(true);
  const unready = turn('never', false);
  turns.enter(unready);
  turns.enter(turn('a'));
  t.same(started, []);
  turns.hold(false);
  t.same(started, [], 'the first one is not ready');
  turns.drop(unready);
  t.same(started, ['a']);
  turns.enter(unready);
  t.same(turns.clear(), [unready]);
});

t.test('a client is an IPv4 address or the /64 of an IPv6 one', async (t) => {
  const rows: [string | undefined, string][] = [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::1', '0:0:0:0::/64'],
    ['2001:DB8::0001:6', '2001:db8:0:0::/64'],
    ['nonsense', 'unknown'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [undefined, 'unknown'],
  ];
  for (const [address, client] of rows) t.equal(peerOf(address).client, `p:${client}`, address ?? 'none');
});

t.test('Accept: the most specific range decides, whatever its place', async (t) => {
  const rows: [string | null, json: boolean, octets: boolean][] = [
    [null, true, false],
    ['*/*', true, false],
    ['application/json;q=0, application/*', false, true],
    ['application/*, application/json;q=0.2, application/octet-stream;q=0.3', true, true],
    ['APPLICATION/JSON', true, false],
    ['application/json; charset=utf-8', true, false],
    ['application/json; version=2', false, false],
    ['application/json;q=1.5', false, false],
    ['application/json;q=0.0001', false, false],
    ['*/json', false, false],
    ['text/html, application/problem+json', true, false],
    ['application/octet-stream, */*;q=0.5', true, true],
    [',,, application/json ,', true, false],
  ];
  for (const [header, json, octets] of rows) t.match(parseAccept(header), { json, octets }, String(header));
});

interface Hop {
  readonly peer: string;
  readonly xForwardedFor?: string;
  readonly forwarded?: string;
}

const TRUSTED = ['10.0.0.0/8', '2001:db8:f::/48', '192.0.2.1'];
const PROXY = '10.0.0.1';

const HOPS: [says: string, hop: Hop, client: string][] = [
  ['nobody in between', { peer: '203.0.113.9' }, '203.0.113.9'],
  ['a stranger says what it likes', { peer: '203.0.113.9', xForwardedFor: '1.2.3.4' }, '203.0.113.9'],
  ['a proxy that says nothing', { peer: PROXY }, PROXY],
  ['one proxy', { peer: PROXY, xForwardedFor: '203.0.113.9' }, '203.0.113.9'],
  ['hearsay to the left', { peer: PROXY, xForwardedFor: '1.2.3.4, 203.0.113.9' }, '203.0.113.9'],
  ['two proxies', { peer: PROXY, xForwardedFor: '1.2.3.4,203.0.113.9,10.9.9.9' }, '203.0.113.9'],
  ['proxies only', { peer: PROXY, xForwardedFor: '10.0.0.3, 10.0.0.2' }, '10.0.0.3'],
  ['a port', { peer: PROXY, xForwardedFor: '203.0.113.9:4711' }, '203.0.113.9'],
  ['IPv6', { peer: PROXY, xForwardedFor: '2001:DB8:1:2:3::4' }, '2001:db8:1:2::/64'],
  ['IPv6 with a port', { peer: PROXY, xForwardedFor: '[2001:db8:1:2:3::4]:80' }, '2001:db8:1:2::/64'],
  ['an IPv6 proxy', { peer: '2001:db8:f::1', xForwardedFor: '203.0.113.9' }, '203.0.113.9'],
  ['a mapped proxy', { peer: '::ffff:10.0.0.1', xForwardedFor: '::ffff:203.0.113.9' }, '203.0.113.9'],
  ['a proxy just outside', { peer: '11.0.0.0', xForwardedFor: '203.0.113.9' }, '11.0.0.0'],
  ['nonsense', { peer: PROXY, xForwardedFor: '203.0.113.9, unknown' }, PROXY],
  ['nonsense behind a proxy', { peer: PROXY, xForwardedFor: '203.0.113.9, , 10.0.0.2' }, '10.0.0.2'],
  ['no address', { peer: PROXY, xForwardedFor: '999.1.1.1' }, PROXY],
  ['an empty list', { peer: PROXY, xForwardedFor: '' }, PROXY],
  ['RFC 7239', { peer: PROXY, forwarded: 'for=203.0.113.9;proto=https;by=10.0.0.1' }, '203.0.113.9'],
  ['quoted', { peer: PROXY, forwarded: 'For="[2001:db8:1:2::9]:80"' }, '2001:db8:1:2::/64'],
  ['two elements', { peer: PROXY, forwarded: 'for=1.2.3.4, for=203.0.113.9, for=10.0.0.2' }, '203.0.113.9'],
  ['a hidden one', { peer: PROXY, forwarded: 'for=203.0.113.9, for=_hidden' }, PROXY],
  ['an open quote to the left', { peer: PROXY, forwarded: 'for="x, for=203.0.113.9' }, '203.0.113.9'],
  ['two in one', { peer: PROXY, forwarded: 'for=1.2.3.4;for=203.0.113.9' }, PROXY],
  [
    'both, agreeing',
    { peer: PROXY, xForwardedFor: '203.0.113.9', forwarded: 'for=203.0.113.9' },
    '203.0.113.9',
  ],
  ['both, not agreeing', { peer: PROXY, xForwardedFor: '203.0.113.9', forwarded: 'for=1.2.3.4' }, PROXY],
  ['more than anybody has', { peer: PROXY, xForwardedFor: `1.2.3.4${', 10.0.0.2'.repeat(40)}` }, '10.0.0.2'],
];

t.test('forwarded addresses are believed from the right, as far as proxies are trusted', async (t) => {
  const proxies = new TrustedProxies(TRUSTED);
  for (const [says, { peer, xForwardedFor = null, forwarded = null }, client] of HOPS) {
    const head = Object.assign(createHead('GET', '/', 1, peerOf(peer)), { xForwardedFor, forwarded });
    t.equal(proxies.clientOf(head), `p:${client}`, says);
    t.equal(proxies.clientOf(head), `p:${client}`, `${says}, again`);
  }
  const local = Object.assign(createHead('GET', '/', 1, peerOf('127.0.0.9')), {
    xForwardedFor: '203.0.113.9',
  });
  t.equal(new TrustedProxies(['loopback']).clientOf(local), 'p:203.0.113.9');
  for (const bad of [
    '',
    'proxy',
    '10.0.0.0/33',
    '10.0.0.0/',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0/8',
  ]) {
    t.throws(() => new TrustedProxies([bad]), { code: 'bad-option', message: /trustProxy/ }, bad);
  }
});

t.test('a token is compared with every hash, whether it is found first, last or not at all', async (t) => {
  let compared = 0;
  const count: typeof timingSafeEqual = (one, two) => {
    compared++;
    return timingSafeEqual(one, two);
  };
  const keys = parseKeys({ keys: ['a', 'b', 'c', 'd'].map((id) => entryOf(id, 'sales')) });
  const ring = new KeyRing(keys, count);
  for (const [token, id] of [
    ['a-token', 'a'],
    ['d-token', 'd'],
    ['e-token', undefined],
  ] as const) {
    compared = 0;
    t.equal(ring.find(token)?.id, id);
    t.equal(compared, 4, token);
  }
  compared = 0;
  t.equal(ring.find('a-token')?.id, 'a', 'found again');
  t.equal(compared, 0, 'without comparing');
  t.equal(ring.find('e-token'), null);
  t.equal(compared, 4, 'a wrong one is not remembered');
});

t.test('keys are reloaded in the order asked for; what is no good changes nothing', async (t) => {
  const path = join(t.testdir(), 'keys.json');
  const write = (...ids: readonly string[]): void =>
    writeFileSync(path, JSON.stringify({ keys: ids.map((id) => entryOf(id, 'sales')) }), { mode: 0o600 });
  write('a');
  const logger = new FakeLogger('info');
  const source = new KeySource(path, logger);
  let ring = await source.load();
  const use = (next: KeyRing): void => void (ring = next);
  const ids = (): (string | undefined)[] => ['a', 'b', 'c'].map((id) => ring?.find(`${id}-token`)?.id);
  t.same(ids(), ['a', undefined, undefined]);
  const inline = { keys: [entryOf('c', 'admin')] };
  write('a', 'b');
  t.same(await Promise.all([source.reload(use, undefined), source.reload(use, inline)]), [2, 1]);
  t.same(ids(), [undefined, undefined, 'c'], 'the last one stays');
  writeFileSync(path, '{');
  await t.rejects(source.reload(use, path), {
    code: 'bad-option',
    message: /keys\.json: keys: it is not JSON/,
  });
  t.same(ids(), [undefined, undefined, 'c']);
  t.equal(await source.reload(use, undefined), 1, 'and is what a bare reload reads again');
  t.match(
    logger.lines.map(({ level }) => level),
    ['info', 'info', 'error', 'info'],
  );
  const none = new KeySource(undefined, undefined);
  t.equal(await none.load(), null);
  await t.rejects(none.reload(use, undefined), { code: 'bad-option' });
});
