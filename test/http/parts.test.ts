/** The small pure parts: bodies, turns, peers, Accept. */
import fc from 'fast-check';
import t from 'tap';
import { parseAccept } from '../../src/http/accept.ts';
import { BodyBuffer } from '../../src/http/body.ts';
import { peerOf } from '../../src/http/peer.ts';
import { Turns } from '../../src/http/turns.ts';

t.test('a body is the concatenation of its chunks, whatever they are, or refused at the limit', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 30 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 0, max: 300 }), (parts, bytesMax) => {
      const buffer = new BodyBuffer(bytesMax);
      const whole = Buffer.concat(parts);
      const taken = parts.every((part) => buffer.append(part));
      if (taken !== whole.length <= bytesMax) return false;
      if (!taken) return true;
      const body = buffer.take();
      return whole.length === 0 ? body === null : body !== null && Buffer.compare(body, whole) === 0;
    }),
  );
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
  for (const [address, client] of rows) t.equal(peerOf(address).client, client, address ?? 'none');
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
