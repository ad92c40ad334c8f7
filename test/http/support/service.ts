/** A service on a free port with a fake sink, torn down with the test. */
import type { Test } from 'tap';
import { createHttpService } from '../../../src/http/service.ts';
import type { HttpService, HttpServiceOptions } from '../../../src/http/service.ts';
import { FakeSink } from './fake-sink.ts';
import { Wire } from './wire.ts';
import type { WireReply } from './wire.ts';

export interface ServiceStage {
  readonly sink: FakeSink;
  readonly service: HttpService;
  readonly port: number;
  open(): Promise<Wire>;
  /** One request on a connection of its own. Host and the framing are added unless they are there. */
  call(method: string, target: string, headers?: Record<string, string>, body?: string): Promise<WireReply>;
}

export async function serviceStage(
  t: Test,
  options: Partial<HttpServiceOptions> = {},
): Promise<ServiceStage> {
  const sink = new FakeSink();
  const limits = { lingerMs: 20 };
  const service = createHttpService({ sink, connectionsMax: 100, limits, ...options });
  const port = await service.listen('127.0.0.1', 0);
  const wires: Wire[] = [];
  t.teardown(async () => {
    for (const wire of wires) wire.socket.destroy();
    await service.drain(0);
  });
  const open = async (): Promise<Wire> => {
    const wire = await Wire.open(port);
    wires.push(wire);
    return wire;
  };
  const call: ServiceStage['call'] = async (method, target, headers = {}, body = '') => {
    const all: Record<string, string> = { Host: 'localhost', ...headers };
    if (body !== '' && !('Transfer-Encoding' in all))
      all['Content-Length'] ??= String(Buffer.byteLength(body));
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const wire = await open();
    wire.send(Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`));
    const reply = await wire.next(method === 'HEAD');
    wire.socket.destroy();
    return reply;
  };
  return { sink, service, port, open, call };
}
