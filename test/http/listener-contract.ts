/**
 * What every listener must do, over real sockets. Called with a factory by one test file per implementation.
 *
 * "Did not happen" is checked after a barrier: a whole exchange on another connection, twice, by which time the
 * event loop has been through everything that was sent before.
 */
import t from 'tap';
import type { Test } from 'tap';
import { LISTENER_DEFAULTS } from '../../src/http/listener.ts';
import type { ListenerFactory, ListenerOptions } from '../../src/http/listener.ts';
import { AVAILABILITY } from '../../src/core/operations.ts';
import { requestOf } from '../service/rig.ts';
import { messageOf } from '../support/batches.ts';
import { streamContract } from './stream-contract.ts';
import { FAKE_BODY_BYTES_MAX, FakeHandler, textReply } from './support/fake-handler.ts';
import { sinkReply } from './support/fake-sink.ts';
import { get, listenerStage } from './support/listener-stage.ts';
import type { ListenerStage } from './support/listener-stage.ts';
import { Wire } from './support/wire.ts';

export { get };

const HOST = 'Host: localhost\r\n';

function post(target: string, body: string, headers = ''): string {
  return `POST ${target} HTTP/1.1\r\n${HOST}Content-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

export function listenerContract(name: string, create: ListenerFactory): void {
  const stage = (test: Test, options: Partial<ListenerOptions> = {}): Promise<ListenerStage> =>
    listenerStage(test, create, options);

  t.test(`${name}: requests and bodies`, async (t) => {
    t.test('a connection serves one request after another', async (t) => {
      const { open } = await stage(t);
      const wire = await open();
      for (const target of ['/auto/1', '/auto/2', '/auto/3']) {
        const reply = await wire.send(get(target)).next();
        t.match(reply, { status: 200, text: target });
        t.equal(reply.headers.get('connection') === 'close', false);
        t.ok(reply.headers.has('date'), 'an origin with a clock sends Date');
      }
    });

    t.test('the handler gets method, raw target, headers and body', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      const headers =
        'Content-Type: application/json\r\nidempotency-key: k1\r\nACCEPT: a/b\r\nAccept: c/d\r\nX-Other: 1\r\n';
      wire.send(post('/p%41th?a=b&c', '{"a":1}', headers));
      const { head, body, receivedAtMs, reply: _ } = await handler.next();
      t.match(head, {
        method: 'POST',
        target: '/p%41th?a=b&c',
        versionMinor: 1,
        host: 'localhost',
        contentType: 'application/json',
        contentLength: 7,
        idempotencyKey: 'k1',
        accept: 'a/b, c/d',
        ifNoneMatch: null,
        peer: { address: '127.0.0.1', client: '127.0.0.1' },
        repeated: '',
      });
      t.equal(Buffer.from(body!).toString(), '{"a":1}');
      t.ok(receivedAtMs > 0);
    });

    t.test('a header that may come once is told when it comes twice', async (t) => {
      const { open, handler } = await stage(t);
      (await open()).send(get('/x', 'Idempotency-Key: a\r\nIdempotency-Key: b\r\n'));
      const { head } = await handler.next();
      t.match(head, { idempotencyKey: 'a', repeated: 'Idempotency-Key' });
    });

    t.test('a body in chunks arrives whole, however it is cut', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      const head = `POST /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
      for (const byte of `${head}3\r\nabc\r\n1;ext=1\r\nd\r\n5\r\nefghi\r\n0\r\nTrailer: 1\r\n\r\n`)
        await wire.sent(byte);
      const exchange = await handler.next();
      t.equal(Buffer.from(exchange.body!).toString(), 'abcdefghi');
      exchange.reply(textReply('ok'));
      t.match(await wire.next(), { status: 200 });
      t.match(await wire.send(get('/auto/after')).next(), { text: '/auto/after' }, 'the framing is intact');
    });

    t.test('an empty body is no body', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(post('/length', ''));
      const first = await handler.next();
      t.equal(first.body, null);
      first.reply(textReply('1'));
      await wire.next();
      wire.send(`POST /chunked HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
      t.equal((await handler.next()).body, null);
    });

    t.test('HEAD gets the length and no bytes', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(`HEAD /x HTTP/1.1\r\n${HOST}\r\n`);
      (await handler.next()).reply(textReply('twelve bytes'));
      const reply = await wire.next(true);
      t.equal(reply.headers.get('content-length'), '12');
      t.match(await wire.send(get('/auto/after')).next(), { text: '/auto/after' }, 'the framing is intact');
    });

    t.test('204 and 304 have neither body nor length', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      for (const status of [204, 304]) {
        wire.send(get('/x'));
        (await handler.next()).reply({ status, headers: '', body: null, close: false });
        const reply = await wire.next();
        t.equal(reply.status, status);
        t.notOk(reply.headers.has('content-length'));
        t.notOk(reply.headers.has('transfer-encoding'));
      }
      t.match(await wire.send(get('/auto/after')).next(), { text: '/auto/after' });
    });

    t.test('a reply that comes as a whole message is no other than one that is put together', async (t) => {
      const { open, handler } = await stage(t);
      const message = messageOf(
        sinkReply('{"name":"Zoë"}', { sequence: 7, etag: '"e"', location: '/v1/x' }),
        requestOf(AVAILABILITY, { requestId: 'r-7' }),
      );
      const { status, headers, body } = message;
      const cases: [request: string, isHead?: boolean][] = [
        [get('/x')],
        [`HEAD /x HTTP/1.1\r\n${HOST}\r\n`, true],
        [get('/x', 'Connection: close\r\n')],
        ['GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
        ['GET /x HTTP/1.0\r\n\r\n'],
      ];
      for (const [request, isHead = false] of cases) {
        const told = [];
        for (const reply of [message, { status, headers, body, close: false }]) {
          const wire = await open();
          wire.send(request);
          (await handler.next()).reply(reply);
          const { headers: fields, ...rest } = await wire.next(isHead);
          told.push({ ...rest, fields: Object.fromEntries([...fields, ['date', '']]) });
        }
        t.strictSame(told[0], told[1], request);
      }
      const wire = await open();
      wire.send(get('/1') + get('/2'));
      const [first, second] = [await handler.next(), await handler.next()];
      second.reply(message);
      first.reply(message);
      for (const _reply of [first, second]) {
        const reply = await wire.next();
        t.match([reply.status, reply.headers.get('etag')], [200, '"e"'], 'in turn, behind another');
      }
    });

    t.test('HTTP/1.0 and Connection: close end with the reply', async (t) => {
      const { open } = await stage(t);
      const old = await open();
      t.match(await old.send('GET /auto/old HTTP/1.0\r\n\r\n').next(), { status: 200 });
      await old.closed;
      const wire = await open();
      const reply = await wire.send(get('/auto/close', 'Connection: close\r\n')).next();
      t.equal(reply.headers.get('connection'), 'close');
      await wire.closed;
    });

    t.test('a peer that half-closes still gets its replies, and then the end', async (t) => {
      const { open, handler, barrier } = await stage(t);
      const wire = await open(true);
      wire.send(get('/1') + get('/2'));
      wire.socket.end();
      const exchanges = [await handler.next(), await handler.next()];
      await barrier();
      for (const exchange of exchanges) exchange.reply(textReply(exchange.head.target));
      t.match(await wire.next(), { text: '/1' });
      t.match(await wire.next(), { text: '/2' });
      await wire.closed;
    });

    t.test('a reply to a peer that has gone is dropped', async (t) => {
      const { open, handler, barrier } = await stage(t);
      const wire = await open();
      wire.send(post('/x', 'a') + post('/never', 'b'));
      const exchange = await handler.next();
      wire.socket.resetAndDestroy();
      await wire.closed;
      await barrier();
      exchange.reply(textReply('late'));
      await barrier();
      t.equal(handler.handled.length, 1, 'and what waited behind it is not handled');
    });
  });

  t.test(`${name}: pipelines`, async (t) => {
    t.test('replies leave in request order though they finish out of order', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(get('/0') + get('/1') + get('/2') + get('/3'));
      const exchanges = [];
      for (let i = 0; i < 4; i++) exchanges.push(await handler.next());
      for (const i of [2, 3, 1, 0]) exchanges[i].reply(textReply(`reply ${i}`));
      for (let i = 0; i < 4; i++) t.match(await wire.next(), { text: `reply ${i}` });
    });

    t.test('an unsafe request runs after the earlier ones, and nothing overtakes it', async (t) => {
      const { open, handler, barrier } = await stage(t);
      const wire = await open();
      wire.send(get('/a') + get('/b') + post('/c', 'x') + get('/d') + post('/e', 'y'));
      const [a, b] = [await handler.next(), await handler.next()];
      await barrier();
      const targets = (): string[] => handler.handled.map((exchange) => exchange.head.target);
      t.same(targets(), ['/a', '/b']);
      b.reply(textReply('b'));
      await barrier();
      t.same(targets(), ['/a', '/b'], 'not before all earlier ones are answered');
      a.reply(textReply('a'));
      const c = await handler.next();
      await barrier();
      t.same(targets(), ['/a', '/b', '/c'], 'the safe one behind it waits');
      c.reply(textReply('c'));
      (await handler.next()).reply(textReply('d'));
      (await handler.next()).reply(textReply('e'));
      for (const text of ['a', 'b', 'c', 'd', 'e']) t.match(await wire.next(), { text });
    });

    t.test('a request that waits its turn keeps the time it was received', async (t) => {
      const { open, handler, barrier } = await stage(t);
      (await open()).send(post('/1', 'x') + post('/2', 'y'));
      const first = await handler.next();
      await barrier();
      const other = await open();
      other.send(get('/3'));
      const third = await handler.next();
      first.reply(textReply('1'));
      const second = await handler.next();
      t.ok(second.receivedAtMs < third.receivedAtMs, 'received before the other one, handled after');
    });

    t.test('a long pipeline of requests answered at once is answered in order', async (t) => {
      const { open } = await stage(t);
      const wire = await open();
      const count = 3000;
      let bytes = '';
      for (let i = 0; i < count; i++) bytes += i % 3 === 0 ? post(`/auto/${i}`, 'x') : get(`/auto/${i}`);
      wire.send(bytes);
      for (let i = 0; i < count; i++) {
        const { text } = await wire.next();
        // Compared first: 3,000 assertions would be most of the test's time.
        if (text !== `/auto/${i}`) t.equal(text, `/auto/${i}`);
      }
      t.equal(wire.unread, 0);
    });

    for (const [what, closing] of [
      ['a refusal that closes', get('/closing')],
      ['a request that asks for an upgrade', get('/auto/up', 'Connection: Upgrade\r\nUpgrade: h2c\r\n')],
      ['an expectation without a body', get('/auto/expect', 'Expect: 100-continue\r\n')],
    ]) {
      t.test(`${what} is the last of its connection, though it waits for its turn`, async (t) => {
        const { open, handler, barrier } = await stage(t);
        const wire = await open();
        wire.send(post('/slow', 'x') + closing + post('/behind', 'y'));
        const slow = await handler.next();
        await barrier();
        slow.reply(textReply('slow'));
        t.match(await wire.next(), { text: 'slow' });
        const last = await wire.next();
        t.equal(last.headers.get('connection'), 'close');
        await wire.closed;
        await barrier();
        t.equal(handler.handled.length, 1, 'what is behind it is not handled');
      });
    }

    t.test('a peer that asks for a tunnel and resets the connection harms nobody', async (t) => {
      const { open, barrier } = await stage(t, { lingerMs: 5000 });
      const wire = await open();
      t.match(await wire.send('CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n').next(), { status: 400 });
      wire.socket.resetAndDestroy();
      await wire.closed;
      await barrier();
      t.match(await (await open()).send(get('/auto/1')).next(), { status: 200 });
    });

    t.test('thousands of replies that wait for the first leave in order', async (t) => {
      const { open, handler, barrier } = await stage(t, { replyBufferBytesMax: 64 * 1024 * 1024 });
      const wire = await open();
      const count = 10_000;
      wire.send(get('/first') + 'GET /auto HTTP/1.1\r\n\r\n'.repeat(count));
      const first = await handler.next();
      await barrier();
      first.reply(textReply('first'));
      t.match(await wire.next(), { text: 'first' });
      let good = 0;
      for (let i = 0; i < count; i++) if ((await wire.next()).text === '/auto') good++;
      t.equal(good, count);
    });

    t.test('malformed bytes behind good requests are refused in their place', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(`${get('/1')}${get('/2')}nonsense\r\n\r\n`);
      const [first, second] = [await handler.next(), await handler.next()];
      second.reply(textReply('2'));
      first.reply(textReply('1'));
      t.match(await wire.next(), { text: '1' });
      t.match(await wire.next(), { text: '2' });
      t.match(await wire.next(), { status: 400, text: /bad-target/ });
      await wire.closed;
    });
  });

  t.test(`${name}: limits`, async (t) => {
    const full = 'x'.repeat(FAKE_BODY_BYTES_MAX);

    t.test('a body of exactly the limit is taken', async (t) => {
      const { open, handler } = await stage(t);
      (await open()).send(post('/x', full));
      t.equal((await handler.next()).body?.byteLength, FAKE_BODY_BYTES_MAX);
    });

    t.test('a longer one is refused from Content-Length, before it comes', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(`POST /x HTTP/1.1\r\n${HOST}Content-Length: ${FAKE_BODY_BYTES_MAX + 1}\r\n\r\n`);
      const reply = await wire.next();
      t.match(reply, { status: 413, text: /body-too-large/ });
      t.equal(reply.headers.get('connection'), 'close');
      await wire.closed;
      t.equal(handler.handled.length, 0);
    });

    t.test('a longer one in chunks is refused when it passes the limit', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      wire.send(`POST /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3e8\r\n${full}\r\n1\r\nx\r\n`);
      t.match(await wire.next(), { status: 413, text: /body-too-large/ });
      await wire.closed;
      t.equal(handler.handled.length, 0);
    });

    t.test('a peer that goes on sending its refused body sees the refusal, not a reset', async (t) => {
      const { open } = await stage(t, { lingerMs: 5000 });
      const wire = await open();
      const half = 'x'.repeat(512 * 1024);
      await wire.sent(`POST /x HTTP/1.1\r\n${HOST}Content-Length: ${2 * half.length}\r\n\r\n${half}`);
      t.match(await wire.next(), { status: 413 });
      await wire.sent(half);
      await wire.closed;
      t.notOk(wire.wasReset);
    });

    t.test('Expect: 100-continue is answered after the checks', async (t) => {
      const { open, handler } = await stage(t);
      const wire = await open();
      const expect = (target: string, length: number): string =>
        `POST ${target} HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
      t.match(await wire.send(expect('/x', 3)).next(), { status: 100 });
      wire.send('abc');
      const exchange = await handler.next();
      t.equal(Buffer.from(exchange.body!).toString(), 'abc');
      exchange.reply(textReply('ok'));
      t.match(await wire.next(), { status: 200, text: 'ok' });

      t.match(await wire.send(expect('/x', FAKE_BODY_BYTES_MAX + 1)).next(), { status: 413 });
      await wire.closed;
      const refused = await open();
      t.match(await refused.send(expect('/refused', 3)).next(), { status: 404, text: 'refused' });
      await refused.closed;
      t.equal(handler.handled.length, 1);
    });

    t.test('what the head refuses is answered after its body, and the connection goes on', async (t) => {
      const { open } = await stage(t);
      const wire = await open();
      t.match(await wire.send(post('/refused', 'body')).next(), { status: 404, text: 'refused' });
      t.match(await wire.send(get('/auto/after')).next(), { text: '/auto/after' });
    });

    t.test('headers over 16 KiB are refused', async (t) => {
      const { open } = await stage(t);
      const wire = await open();
      wire.send(get('/x', `X-Long: ${'x'.repeat(17 * 1024)}\r\n`));
      t.match(await wire.next(), { status: 431, text: /headers-too-large/ });
      await wire.closed;
    });

    t.test('thousands of small headers hide none', async (t) => {
      const { open, handler } = await stage(t);
      (await open()).send(get('/x', `${'a:1\r\n'.repeat(2500)}Idempotency-Key: last\r\n`));
      t.equal((await handler.next()).head.idempotencyKey, 'last');
    });

    t.test('a head that does not come to an end is refused in time', async (t) => {
      const { open } = await stage(t, { headersTimeoutMs: 50, requestTimeoutMs: 100 });
      const wire = await open();
      wire.send('GET /x HTTP/1.1\r\nHost: loc');
      t.match(await wire.next(), { status: 408, text: /request-timeout/ });
      await wire.closed;
    });

    t.test('a body that does not come to an end is refused in time', async (t) => {
      const { open, handler } = await stage(t, { headersTimeoutMs: 50, requestTimeoutMs: 100 });
      const wire = await open();
      wire.send(`POST /x HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
      t.match(await wire.next(), { status: 408, text: /request-timeout/ });
      await wire.closed;
      t.equal(handler.handled.length, 0);
    });

    t.test('a connection over the cap is told so and closed; one that ends makes room', async (t) => {
      const { open, listener } = await stage(t, { connectionsMax: 1 });
      t.equal(listener.connectionCount, 0);
      const first = await open();
      await first.send(get('/auto/1')).next();
      t.equal(listener.connectionCount, 1);
      const second = await open();
      t.match(await second.next(), { status: 503, text: /overloaded/ });
      await second.closed;
      t.match(await first.send(get('/auto/1')).next(), { status: 200 }, 'the first is not disturbed');
      first.socket.destroy();
      await first.closed;
      // The server may hear of the end a little later than the peer; until then it still refuses.
      let status = 503;
      while (status === 503) status = (await (await open()).send(get('/auto/1')).next()).status;
      t.equal(status, 200);
    });
  });

  t.test(`${name}: slow readers`, async (t) => {
    const replyBytes = 256 * 1024;
    const count = 200;
    const big = textReply('x'.repeat(replyBytes)).body;
    const flood = Array.from({ length: count }, (_, i) => get(`/${i}`)).join('');
    // The kernel takes a few MiB for the two sockets; beyond that only what the listener allows may be handled.
    const handledMax = count / 2;

    t.test('a peer that does not read is paused, and goes on when it reads', async (t) => {
      const { open, handler, barrier } = await stage(t, { replyBufferBytesMax: 16 * 1024 });
      handler.autoReply = () => ({ status: 200, headers: '', body: big, close: false });
      const wire = await open();
      wire.socket.pause();
      await wire.sent(flood);
      await handler.next();
      await barrier();
      t.ok(handler.handled.length < handledMax, `${handler.handled.length} of ${count} were handled unread`);
      wire.socket.resume();
      for (let i = 0; i < count; i++) {
        const { text } = await wire.next();
        t.equal(text.length, replyBytes);
      }
      t.equal(handler.handled.length, count);
    });

    t.test('a peer that goes on not reading is closed', async (t) => {
      const options = { replyBufferBytesMax: 16 * 1024, replyStallMs: 50, keepAliveTimeoutMs: 60_000 };
      const { open, handler, listener } = await stage(t, options);
      handler.autoReply = () => ({ status: 200, headers: '', body: big, close: false });
      const wire = await open();
      wire.socket.pause();
      await wire.sent(flood);
      await handler.next();
      t.equal(await listener.drain(60_000), true, 'the drain does not wait for it');
      t.ok(handler.handled.length < handledMax);
      wire.socket.resume();
      await wire.closed;
    });

    t.test('replies without bytes are held back, too, while the first is owed', async (t) => {
      const { open, handler, barrier } = await stage(t);
      const wire = await open();
      wire.send(get('/first'));
      const first = await handler.next();
      handler.autoReply = () => ({ status: 204, headers: '', body: null, close: false });
      const many = 5000;
      await wire.sent(get('/x').repeat(many));
      await barrier();
      t.ok(handler.handled.length < many / 10, `${handler.handled.length} were handled`);
      first.reply(textReply('first'));
      t.match(await wire.next(), { text: 'first' });
      for (let i = 0; i < many; i++) await wire.next();
      t.equal(handler.handled.length, 1 + many);
    });

    t.test('a reply that is being read outlives the keep-alive time', async (t) => {
      const options = { keepAliveTimeoutMs: 20, headersTimeoutMs: 100, requestTimeoutMs: 200 };
      const { open, handler } = await stage(t, options);
      const wire = await open();
      wire.socket.pause();
      wire.send(get('/big'));
      const body = Buffer.alloc(16 * 1024 * 1024, 'x');
      (await handler.next()).reply({ status: 200, headers: '', body, close: false });
      // Another peer runs into a timeout five times as long.
      const clock = await open();
      t.match(await clock.send('GET').next(), { status: 408 });
      wire.socket.resume();
      t.equal((await wire.next()).text.length, body.length);
    });

    t.test('a little that a peer does not read is timed, too', async (t) => {
      const options = { replyStallMs: 50, keepAliveTimeoutMs: 60_000 };
      const { open, handler, listener } = await stage(t, options);
      handler.autoReply = () => ({ status: 200, headers: '', body: big, close: false });
      const wire = await open();
      wire.socket.pause();
      await wire.sent(get('/1').repeat(30) + get('/last', 'Connection: close\r\n'));
      await handler.next();
      t.equal(await listener.drain(60_000), true, 'the drain does not wait for it');
      wire.socket.resume();
      await wire.closed;
    });

    t.test('a reply that we owe is not held against the peer', async (t) => {
      const options = {
        replyBufferBytesMax: 1024,
        replyStallMs: 20,
        headersTimeoutMs: 100,
        requestTimeoutMs: 200,
      };
      const { open, handler } = await stage(t, options);
      const wire = await open();
      wire.send(get('/slow') + get('/fast'));
      const [slow, fast] = [await handler.next(), await handler.next()];
      fast.reply(textReply('x'.repeat(10_000)));
      // Another peer runs into a timeout five times as long: the stall time is over by then.
      const clock = await open();
      t.match(await clock.send('GET').next(), { status: 408 });
      slow.reply(textReply('slow'));
      t.match(await wire.next(), { text: 'slow' });
      t.match(await wire.next(), { status: 200 });
    });
  });

  t.test(`${name}: drain`, async (t) => {
    t.test(
      'what was handed over is answered with Connection: close; idle connections end; none is accepted',
      async (t) => {
        const { open, handler, listener, port } = await stage(t);
        const idle = await open();
        await idle.send(get('/auto/1')).next();
        const fresh = await open();
        const busy = await open();
        busy.send(get('/1') + get('/2'));
        const [first, second] = [await handler.next(), await handler.next()];
        const drained = listener.drain(60_000);
        await idle.closed;
        await fresh.closed;
        await t.rejects(Wire.open(port), { code: 'ECONNREFUSED' });
        second.reply(textReply('2'));
        first.reply(textReply('1'));
        const replies = [await busy.next(), await busy.next()];
        t.match(replies, [{ text: '1' }, { text: '2' }]);
        t.equal(
          replies[0].headers.get('connection') === 'close',
          false,
          'the first may not cut off the second',
        );
        t.equal(replies[1].headers.get('connection'), 'close');
        await busy.closed;
        t.equal(await drained, true);
      },
    );

    t.test('a large last reply is sent whole', async (t) => {
      const { open, handler, listener } = await stage(t);
      const wire = await open();
      wire.socket.pause();
      wire.send(get('/big'));
      const body = Buffer.alloc(16 * 1024 * 1024, 'x');
      (await handler.next()).reply({ status: 200, headers: '', body, close: false });
      const drained = listener.drain(60_000);
      wire.socket.resume();
      t.equal((await wire.next()).text.length, body.length);
      t.equal(await drained, true);
    });

    t.test('a request still arriving is refused as draining', async (t) => {
      const { open, listener, barrier } = await stage(t);
      const wire = await open();
      await wire.sent(`POST /x HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
      await barrier();
      const drained = listener.drain(60_000);
      t.match(await wire.next(), { status: 503, text: /draining/ });
      t.equal(await drained, true);
    });

    t.test('the time is kept even if a reply never comes', async (t) => {
      const { open, handler, listener } = await stage(t);
      const wire = await open();
      wire.send(get('/never'));
      await handler.next();
      t.equal(await listener.drain(10), false);
      await wire.closed;
    });
  });

  streamContract(name, stage);

  t.test(`${name}: a port that is taken is a fault`, async (t) => {
    const { port } = await stage(t);
    const second = create(new FakeHandler(), { ...LISTENER_DEFAULTS, connectionsMax: 1, now: () => 0 });
    await t.rejects(second.start('127.0.0.1', port), { code: 'listen-failed' });
  });
}
