/** A listener on a free port with a fake handler, torn down with the test. */
import type { Test } from 'tap';
import { assert } from '../../../src/core/assert.ts';
import { LISTENER_DEFAULTS } from '../../../src/http/listener.ts';
import type { Listener, ListenerFactory, ListenerOptions } from '../../../src/http/listener.ts';
import { FakeHandler } from './fake-handler.ts';
import { Wire } from './wire.ts';

export function get(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}

export interface ListenerStage {
  readonly handler: FakeHandler;
  readonly listener: Listener;
  readonly port: number;
  open(halfOpen?: boolean): Promise<Wire>;
  /** A whole exchange on another connection, twice: the loop has been through everything that was sent before. */
  barrier(): Promise<void>;
}

export async function listenerStage(
  test: Test,
  create: ListenerFactory,
  options: Partial<ListenerOptions> = {},
): Promise<ListenerStage> {
  const handler = new FakeHandler();
  let clock = 0;
  const listener = create(handler, {
    ...LISTENER_DEFAULTS,
    connectionsMax: 100,
    lingerMs: 50,
    now: () => ++clock,
    ...options,
  });
  const port = await listener.start('127.0.0.1', 0);
  const wires: Wire[] = [];
  test.teardown(async () => {
    for (const wire of wires) wire.socket.destroy();
    await listener.drain(0);
    assert(handler.waiting === 0, 'no request waits on a connection that is gone');
  });
  const open = async (halfOpen = false): Promise<Wire> => {
    const wire = await Wire.open(port, halfOpen);
    wires.push(wire);
    return wire;
  };
  const barrier = async (): Promise<void> => {
    const wire = await open();
    for (let i = 0; i < 2; i++) await wire.send(get('/auto/barrier')).next();
    wire.socket.destroy();
    await wire.closed;
  };
  return { handler, listener, port, open, barrier };
}
