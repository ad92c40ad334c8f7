/** What every listener must do with a reply that comes over time, over real sockets. Part of the listener's contract. */
import t from 'tap';
import type { Test } from 'tap';
import type { Admission, Exchange, ListenerOptions, ReplyStream } from '../../src/http/listener.ts';
import { textReply } from './support/fake-handler.ts';
import { get } from './support/listener-stage.ts';
import type { ListenerStage } from './support/listener-stage.ts';
import type { Wire } from './support/wire.ts';

type OpenStage = (test: Test, options?: Partial<ListenerOptions>) => Promise<ListenerStage>;

/** A stream as a test drives it: what it is told is noted, and can be awaited. */
class Told {
  readonly events: string[] = [];
  readonly stream: ReplyStream | null;
  onDrained: () => void = () => {};
  #wake: () => void = () => {};

  constructor(exchange: Exchange<Admission>) {
    const note = (event: string): void => {
      this.events.push(event);
      this.#wake();
    };
    const listener = {
      writable: () => note('writable'),
      gone: () => note('gone'),
      drained: () => {
        note('drained');
        this.onDrained();
      },
    };
    this.stream = exchange.stream({ status: 200, headers: 'Content-Type: text/plain\r\n' }, listener);
  }

  write(text: string): boolean {
    return this.stream?.write(Buffer.from(text)) ?? false;
  }

  end(text?: string): void {
    this.stream?.end(text === undefined ? undefined : Buffer.from(text));
  }

  async until(event: string, from = 0): Promise<void> {
    while (!this.events.includes(event, from)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

const BLOCK = 'x'.repeat(64 * 1024);
/** The kernel takes a few MiB for the two sockets; then the listener has to say no. */
const BLOCKS_MAX = 400;

/** Writes until no more is taken, and for two barriers none again; returns how many blocks were. */
async function fill(told: Told, barrier: () => Promise<void>): Promise<number> {
  let count = 0;
  for (let refused = 0; refused < 2 && count < BLOCKS_MAX; refused++) {
    while (count < BLOCKS_MAX && told.write(BLOCK)) {
      count++;
      refused = 0;
    }
    await barrier();
  }
  return count;
}

export function streamContract(name: string, stage: OpenStage): void {
  async function opened(
    t: Test,
    options: Partial<ListenerOptions> = {},
  ): Promise<ListenerStage & { wire: Wire; told: Told }> {
    const stood = await stage(t, options);
    const wire = await stood.open();
    wire.send(get('/stream'));
    const told = new Told(await stood.handler.next());
    return { ...stood, wire, told };
  }

  t.test(`${name}: streams`, async (t) => {
    t.test(
      'the head comes at once, each write as a chunk, and the connection ends with the stream',
      async (t) => {
        const { wire, told } = await opened(t);
        const head = await wire.head();
        t.equal(head.status, 200);
        t.equal(head.headers.get('content-type'), 'text/plain');
        t.equal(head.headers.get('transfer-encoding'), 'chunked');
        t.equal(head.headers.get('connection'), 'close');
        t.notOk(head.headers.has('content-length'));
        t.equal(told.write('one'), true);
        t.equal(await wire.chunk(), 'one');
        t.equal(told.write('zwei ü'), true);
        t.equal(await wire.chunk(), 'zwei ü');
        told.end('last');
        t.equal(await wire.chunk(), 'last');
        t.equal(await wire.chunk(), '');
        await wire.closed;
        t.notOk(wire.wasReset);
        t.equal(told.write('late'), false, 'nothing is taken after the end');
        told.end('again');
        t.same(told.events, [], 'who ended it is not told that it ended');
      },
    );

    t.test('HTTP/1.0 gets the bytes as they are, until the connection closes', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send('GET /stream HTTP/1.0\r\n\r\n');
      const told = new Told(await handler.next());
      const head = await wire.head();
      t.notOk(head.headers.has('transfer-encoding'));
      told.write('one ');
      told.end('two');
      t.equal(await wire.rest(), 'one two');
    });

    t.test('HEAD gets the head alone, and the connection goes on', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send('HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const told = new Told(await handler.next());
      t.equal(told.stream, null);
      t.equal((await wire.next(true)).headers.get('content-type'), 'text/plain');
      t.match(await wire.send(get('/auto/after')).next(), { text: '/auto/after' });
    });

    t.test('it waits for the replies before it, and what was sent behind it is never handled', async (t) => {
      const { open, handler, barrier } = await stage(t);
      const wire = await open();
      wire.send(get('/1') + get('/stream') + get('/2') + get('/3'));
      const first = await handler.next();
      await barrier();
      t.equal(handler.handled.length, 1);
      first.reply(textReply('1'));
      const told = new Told(await handler.next());
      t.match(await wire.next(), { text: '1' });
      t.match(await wire.head(), { status: 200 });
      await wire.sent(get('/4').repeat(100));
      await barrier();
      told.write('on');
      t.equal(await wire.chunk(), 'on', 'it is not disturbed');
      told.end();
      t.equal(await wire.chunk(), '');
      await wire.closed;
      t.equal(handler.handled.length, 2);
    });

    t.test('a request that may stream may be replied to as well, and the connection goes on', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(get('/stream'));
      (await handler.next()).reply(textReply('no', 404));
      t.match(await wire.next(), { status: 404, text: 'no' });
      t.match(await wire.send(get('/auto/after')).next(), { text: '/auto/after' });
    });

    t.test('a peer that does not read is paused, and goes on where it was when it reads', async (t) => {
      const { wire, told, barrier, open } = await opened(t);
      await wire.head();
      wire.socket.pause();
      const count = await fill(told, barrier);
      t.ok(count < BLOCKS_MAX, `${count} blocks were taken unread`);
      t.equal(told.write('more'), false);
      await barrier();
      t.match(await (await open()).send(get('/auto/x')).next(), { text: '/auto/x' }, 'others are served');
      const before = told.events.length;
      wire.socket.resume();
      await told.until('writable', before);
      t.equal(told.write('after'), true);
      for (let i = 0; i < count; i++) {
        const { length } = await wire.chunk();
        if (length !== BLOCK.length) t.equal(length, BLOCK.length);
      }
      t.equal(await wire.chunk(), 'after', 'and what was not taken is not sent');
    });

    t.test('a peer that goes on not reading is closed', async (t) => {
      const { wire, told, barrier } = await opened(t, { replyStallMs: 50 });
      await wire.head();
      wire.socket.pause();
      await fill(told, barrier);
      await told.until('gone');
      t.equal(told.write('x'), false);
      t.equal(told.events.at(-1), 'gone');
      wire.socket.resume();
      await wire.closed;
    });

    t.test('a stream on which nothing is written for long is left alone', async (t) => {
      const short = { headersTimeoutMs: 20, requestTimeoutMs: 40, keepAliveTimeoutMs: 20, replyStallMs: 20 };
      const { wire, told, open } = await opened(t, short);
      await wire.head();
      // Another peer runs into its timeout meanwhile: all those times are over by then.
      const clock = await open();
      t.match(await clock.send('GET').next(), { status: 408 });
      t.equal(told.write('still here'), true);
      t.equal(await wire.chunk(), 'still here');
    });

    t.test('a peer that goes, or closes its side, is told of once', async (t) => {
      const { wire, told, open, handler } = await opened(t);
      await wire.head();
      wire.socket.resetAndDestroy();
      await told.until('gone');
      t.same(told.events, ['gone']);
      t.equal(told.write('x'), false);

      const half = await open(true);
      half.send(get('/stream'));
      const other = new Told(await handler.next());
      await half.head();
      half.socket.end();
      await other.until('gone');
      t.equal(await half.chunk(), '');
      await half.closed;
      t.same(other.events, ['gone']);

      const early = await open(true);
      early.send(get('/stream'));
      const exchange = await handler.next();
      early.socket.end();
      const last = new Told(exchange);
      await last.until('gone');
      await early.closed;
    });

    t.test('a drain has the last word said and waits for nobody', async (t) => {
      const { wire, told, open, handler, listener, barrier } = await opened(t);
      await wire.head();
      told.onDrained = () => told.end('bye');
      const silent = await open();
      silent.send(get('/stream'));
      const wordless = new Told(await handler.next());
      await silent.head();
      const unread = await open();
      unread.send(get('/stream'));
      const stuck = new Told(await handler.next());
      await unread.head();
      unread.socket.pause();
      await fill(stuck, barrier);
      const late = await open();
      late.send(get('/stream'));
      const exchange = await handler.next();

      const drained = listener.drain(60_000);
      t.equal(await wire.chunk(), 'bye');
      t.equal(await wire.chunk(), '');
      t.equal(await silent.chunk(), '');
      const last = [told, wordless, stuck].map(({ events }) => events.at(-1));
      t.same(last, ['drained', 'drained', 'drained']);
      const begun = new Told(exchange);
      begun.onDrained = () => begun.end('at once');
      await late.head();
      t.equal(await late.chunk(), 'at once', 'one that begins while the listener drains ends at once');
      unread.socket.resume();
      t.equal(await drained, true);
    });
  });
}
