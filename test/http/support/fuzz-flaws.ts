/** Listeners with a flaw each, to show that the fuzzer finds it. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import type { ListenerFactory } from '../../../src/http/listener.ts';

/** Hands on what the listener sends and, changed, what the peer sends, one read at a time. */
export function changing(create: ListenerFactory, change: (bytes: string) => string): ListenerFactory {
  return (handler, options) => {
    const listener = create(handler, options);
    let innerPort = 0;
    const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (outer) => {
      const host = '127.0.0.1';
      const address = outer.remoteAddress ?? host;
      const inner = connect({
        port: innerPort,
        host,
        localAddress: address,
        allowHalfOpen: true,
        noDelay: true,
      });
      outer.on('data', (bytes) => inner.write(change(bytes.toString('latin1')), 'latin1'));
      inner.on('data', (bytes) => outer.write(bytes));
      join(outer, inner);
      join(inner, outer);
    });
    return {
      connectionCount: 0,
      async start(host, port) {
        innerPort = await listener.start(host, port);
        await new Promise<void>((resolve) => proxy.listen({ host, port }, resolve));
        const address = proxy.address();
        return typeof address === 'object' && address !== null ? address.port : 0;
      },
      drain(timeoutMs) {
        proxy.close();
        return listener.drain(timeoutMs);
      },
    };
  };
}

function join(from: Socket, to: Socket): void {
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}

/** Swallows a header that the handler should see. */
export function forgetful(create: ListenerFactory): ListenerFactory {
  return (handler, options) => {
    const admit: typeof handler.admit = (head) => {
      head.idempotencyKey = null;
      return handler.admit(head);
    };
    return create(
      {
        admit,
        awaitTurn: (exchange) => handler.awaitTurn(exchange),
        handle: (exchange) => handler.handle(exchange),
        refuse: handler.refuse.bind(handler),
      },
      options,
    );
  };
}
