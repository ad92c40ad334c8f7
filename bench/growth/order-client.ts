/** Orders one after the other on one connection, each cancelled again, so that the event stays as large as it is. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { assert } from '../../src/core/assert.ts';
import { onReply } from '../wire.ts';

/** What one order asks for. */
export interface Wish {
  readonly event: string;
  readonly items: readonly object[];
}

/** Orders of a connection that are not timed, for one that is. */
export const WARM_UP_SHARE = 0.1;
/** An order and its cancellation are a change each. */
export const CHANGES_PER_ORDER = 2;

export class OrderClient {
  readonly #url: URL;
  readonly #ordered = new Map<string, number>();
  #sent = 0;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Orders that were acknowledged, by event. */
  get ordered(): ReadonlyMap<string, number> {
    return this.#ordered;
  }

  /**
   * Makes some orders, and `count` that are timed: µs from the first byte sent to the last received. On a connection of
   * their own, since a server closes one that has been idle for long. Rejects when one is not answered with 201.
   */
  async time(wish: () => Wish, count: number): Promise<number[]> {
    const { hostname, port } = this.#url;
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    try {
      const micros: number[] = [];
      const warmUp = Math.ceil(count * WARM_UP_SHARE);
      for (let made = 0; made < warmUp + count; made++) {
        const took = await this.#order(socket, wish());
        if (made >= warmUp) micros.push(took);
      }
      return micros;
    } finally {
      socket.destroy();
    }
  }

  /** µs of the order. Its cancellation is not timed. */
  async #order(socket: Socket, { event, items }: Wish): Promise<number> {
    // Of the same length each time, and nobody who has a claim already.
    const customer = `guest-${String(this.#sent++).padStart(10, '0')}`;
    const key = `Idempotency-Key: ${customer}\r\n`;
    const text = this.#text(`/v1/events/${event}/orders`, JSON.stringify({ customer, items }), key);
    const started = performance.now();
    const reply = await exchange(socket, text);
    const micros = (performance.now() - started) * 1000;
    if (reply.status !== 201) throw new Error(`an order was answered with ${reply.status}: ${reply.body}`);
    this.#ordered.set(event, (this.#ordered.get(event) ?? 0) + 1);
    const { id } = JSON.parse(reply.body) as { id: string };
    const cancelled = await exchange(socket, this.#text(`/v1/orders/${id}/cancel`, '{}', ''));
    assert(cancelled.status === 200, 'an order can be cancelled');
    return micros;
  }

  #text(path: string, body: string, more: string): string {
    return (
      `POST ${path} HTTP/1.1\r\nHost: ${this.#url.host}\r\nContent-Type: application/json\r\n${more}` +
      `Content-Length: ${body.length}\r\n\r\n${body}`
    );
  }
}

/** Sends one request and resolves when the whole reply is there. */
function exchange(socket: Socket, text: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error('the connection closed'));
    const stop = onReply(socket, (status, body) => {
      stop();
      socket.off('close', fail);
      resolve({ status, body });
    });
    socket.once('close', fail);
    socket.write(text);
  });
}
