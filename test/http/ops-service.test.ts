import t from 'tap';
import type { Test } from 'tap';
import type { ServiceState } from '../../src/dispatch/sink.ts';
import { OpsService } from '../../src/http/ops-service.ts';
import type { Page } from '../../src/http/page.ts';
import { FakeLogger } from './support/fake-logger.ts';
import { Wire } from './support/wire.ts';
import type { WireReply } from './support/wire.ts';

interface Stage {
  state: ServiceState;
  readonly logger: FakeLogger;
  readonly service: OpsService;
  call(target: string, method?: string, host?: string): Promise<WireReply>;
}

const METRICS: Page = {
  path: '/metrics',
  role: 'reader',
  respond: () => ({ status: 200, headers: ['Content-Type', 'text/plain'], body: Buffer.from('one 1\n') }),
};
const BROKEN: Page = { path: '/broken', role: 'none', respond: () => Promise.reject(new Error('no')) };

async function stage(t: Test, host = '127.0.0.1'): Promise<Stage> {
  const stood = { state: 'starting' as ServiceState };
  const logger = new FakeLogger('error');
  const service = new OpsService({
    state: () => stood.state,
    pages: [METRICS, BROKEN],
    now: () => 0,
    logger,
    limits: { lingerMs: 20 },
  });
  const port = await service.listen(host, 0);
  t.teardown(() => service.drain(0));
  const call: Stage['call'] = async (target, method = 'GET', name = 'localhost') => {
    const wire = await Wire.open(port);
    const reply = await wire
      .send(`${method} ${target} HTTP/1.1\r\nHost: ${name}\r\n\r\n`)
      .next(method === 'HEAD');
    wire.socket.destroy();
    return reply;
  };
  return Object.assign(stood, { logger, service, call });
}

t.test('it says that the process lives, and what state the server is in', async (t) => {
  const stood = await stage(t);
  const { call } = stood;
  for (const [state, status] of [
    ['starting', 503],
    ['ready', 200],
    ['journal-full', 200],
    ['journal-stalled', 503],
    ['draining', 503],
  ] as const) {
    stood.state = state;
    const ready = await call('/readyz');
    t.equal(ready.status, status, state);
    t.match(JSON.parse(ready.text), status === 200 ? { status: state } : { code: state, status: 503 });
    t.equal(ready.headers.has('retry-after'), status === 503);
    t.match(await call('/healthz'), { status: 200, text: '{"status":"alive"}' });
  }
});

t.test('it has its pages and nothing else', async (t) => {
  const { call, logger } = await stage(t);
  t.match(await call('/metrics?x=1'), { status: 200, text: 'one 1\n' });
  t.equal((await call('/metrics', 'HEAD')).headers.get('content-length'), '6');
  for (const target of ['/', '/v1/events', '/metrics/', '/docs', '/openapi.json'])
    t.match(await call(target), { status: 404, text: /not-found/ }, target);
  const refused = await call('/readyz', 'DELETE');
  t.equal(refused.status, 405);
  t.equal(refused.headers.get('allow'), 'GET, HEAD');
  t.match(await call('/broken'), { status: 500, text: /"applied":false/ });
  t.equal(logger.lines.length, 1, 'what went wrong is in the log');
});

t.test('on loopback only names of this machine are taken, elsewhere any', async (t) => {
  const near = await stage(t);
  t.match(await near.call('/metrics', 'GET', 'rebound.example'), { status: 400, text: /bad-host/ });
  const far = await stage(t, '0.0.0.0');
  t.equal((await far.call('/metrics', 'GET', 'metrics.example:9090')).status, 200);
});
