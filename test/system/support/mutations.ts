/** One of every call that changes something, under a key; and all of them again, later. */
import type { Test } from 'tap';
import type { Answer, Wire } from './http.ts';

interface Done {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body: unknown;
  readonly key: string;
  readonly first: Answer;
}

const EVENT = '/v1/events/keyed';
const FLOOR = { items: [{ section: 'floor', quantity: 2 }] };
const definition = (id: string): object => ({
  id,
  name: 'Keyed',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [
    { id: 'floor', kind: 'general', capacity: 100 },
    { id: 'stalls', kind: 'seated', rows: [{ id: 'A', seats: 10 }] },
  ],
});

export class Mutations {
  readonly #t: Test;
  readonly #done: Done[] = [];

  constructor(t: Test) {
    this.#t = t;
  }

  async perform(wire: Wire): Promise<void> {
    const call = async (
      method: Done['method'],
      path: string,
      body: unknown,
      headers = {},
    ): Promise<string> => {
      const key = `key-${this.#done.length}`;
      const first = await wire.send(method, path, body, { key, headers });
      if (first.status >= 300) this.#t.fail(`${method} ${path}: ${first.text}`);
      this.#done.push({ method, path, body, key, first });
      return String(first.json['id']);
    };
    await call('POST', '/v1/events', definition('keyed'));
    await call('PATCH', EVENT, { name: 'Keyed anew', sections: [{ id: 'floor', capacity: 120 }] });
    await call('POST', `${EVENT}/block`, { items: [{ seat: 'stalls-A-1' }, { seat: 'stalls-A-2' }] });
    await call('POST', `${EVENT}/unblock`, { items: [{ seat: 'stalls-A-1' }] });
    const hold = await call('POST', `${EVENT}/holds`, { ...FLOOR, customer: 'c', seconds: 600 });
    await call('POST', `/v1/holds/${hold}/change`, { add: [{ seat: 'stalls-A-3' }] });
    await call('POST', `/v1/holds/${hold}/extend`, { seconds: 900 });
    await call('POST', `/v1/holds/${hold}/confirm`, { reference: 'paid' });
    const other = await call('POST', `${EVENT}/holds`, FLOOR);
    await call('DELETE', `/v1/holds/${other}`, undefined);
    const order = await call('POST', `${EVENT}/orders`, FLOOR);
    await call('POST', `/v1/orders/${order}/cancel`, {
      tickets: [`${order.replace('order_', 'ticket_')}_1`],
    });
    // The key that archived an event is kept when all its others go.
    await call('POST', '/v1/events', definition('keyed-past'));
    await call('PATCH', `${EVENT}-past`, { state: 'closed' });
    await call('PATCH', `${EVENT}-past`, { state: 'archived' });
  }

  /** Each is told as done before, and nothing is done. */
  async replay(wire: Wire, when: string): Promise<void> {
    const before = await this.#state(wire);
    const wrong: unknown[] = [];
    for (const { method, path, body, key, first } of this.#done) {
      const again = await wire.send(method, path, body, { key });
      const isKeptKey = !path.endsWith('-past') || (body as { state: string }).state === 'archived';
      const isReplay =
        again.headers['idempotency-replayed'] === 'true' && again.json['id'] === first.json['id'];
      const status = first.status === 204 ? 204 : 200;
      if (isKeptKey && (again.status !== status || !isReplay)) wrong.push({ method, path, text: again.text });
    }
    this.#t.same(wrong, [], `all ${this.#done.length} kinds of changes are replayed ${when}`);
    for (const { path, key } of this.#done.filter(
      ({ method, body }) => method === 'POST' && body !== undefined,
    )) {
      const other = await wire.post(path, { items: [], customer: 'another body' }, key);
      if (other.json['code'] !== 'idempotency-mismatch' && other.json['code'] !== 'invalid-request')
        wrong.push(other.json);
    }
    this.#t.same(wrong, [], 'another body under their keys is refused');
    this.#t.same(await this.#state(wire), before, 'and nothing was done twice');
  }

  async #state(wire: Wire): Promise<unknown> {
    const paths = [EVENT, `${EVENT}/availability`, `${EVENT}/orders`, `${EVENT}-past`];
    return Promise.all(paths.map(async (path) => (await wire.get(path)).json));
  }
}
