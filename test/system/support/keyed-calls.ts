/**
 * Every call that may carry an idempotency key: some that change something, some that succeed without. And their
 * retries, which are replays and change nothing, whatever has happened since.
 */
import { strict as assert } from 'node:assert';
import {
  BLOCK,
  CANCEL_ORDER,
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  PATCH_EVENT,
  RELEASE_HOLD,
  UNBLOCK,
  type Operation,
} from '../../../src/core/operations.ts';
import type { Answer, Wire } from './http.ts';

interface Call {
  readonly operation: Operation;
  /** An event, a hold or an order; empty where the call names none. */
  readonly subject: string;
  readonly body?: object;
}

export interface Draw {
  readonly name: string;
  readonly operation: Operation;
  /** Whether the call that is drawn will change something. */
  readonly changes: boolean;
  /** Brings the shop to where the call does so. */
  draw(shop: Shop): Promise<Omit<Call, 'operation'>>;
}

interface Remembered extends Call {
  readonly key: string;
  readonly first: Answer;
}

const GALA = 'gala';
const SIDE_SEATS = 6;
const SECONDS = 900;
/** A hold outlives any test. */
const LIMITS = { holdSeconds: SECONDS, maxHoldSeconds: 4 * SECONDS };
const STATES = 'state=draft,open,paused,closed,archived';

const eventOf = (id: string): object => ({
  id,
  name: 'Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  limits: LIMITS,
  sections: [
    { id: 'floor', kind: 'general', capacity: 5000 },
    { id: 'side', kind: 'seated', rows: [{ id: 'A', seats: SIDE_SEATS }] },
  ],
});

/** What calls are about, and all that was remembered. */
export class Shop {
  readonly remembered: Remembered[] = [];
  wire: Wire;
  readonly #random: () => number;
  #count = 0;

  constructor(wire: Wire, random: () => number) {
    this.wire = wire;
    this.#random = random;
  }

  async open(): Promise<void> {
    await this.done(CREATE_EVENT, '', eventOf(GALA));
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** One that was never used. */
  next(name: string): string {
    return `${name}-${++this.#count}`;
  }

  seat(): object {
    return { items: [{ seat: `side-A-${1 + this.below(SIDE_SEATS)}` }] };
  }

  floor(): { readonly items: object[] } {
    return { items: [{ section: 'floor', quantity: 2 + this.below(3) }] };
  }

  #send({ operation, subject, body }: Call, key?: string, more = ''): Promise<Answer> {
    const path = operation.path.replace(':subject', subject);
    const raw = body === undefined ? {} : { raw: JSON.stringify(body) + more };
    const headers = { 'content-type': 'application/json' };
    return this.wire.send(operation.method, path, undefined, { key, headers, ...raw });
  }

  /** A call that must be accepted, of others; the id of what it is about. */
  async done(operation: Operation, subject: string, body?: object, key?: string): Promise<string> {
    const answer = await this.#send({ operation, subject, ...(body !== undefined && { body }) }, key);
    assert(answer.status < 300, `${operation.name} ${subject}: ${answer.text}`);
    const { id } = answer.json;
    return typeof id === 'string' ? id : subject;
  }

  /** A call is drawn, sent under a key of its own, and remembered; returns what is wrong with that. */
  async call({ name, operation, changes, draw }: Draw): Promise<string[]> {
    const call = { operation, ...(await draw(this)) };
    const before = await this.#state(call);
    const key = this.next('key');
    const first = await this.#send(call, key);
    const after = await this.#state(call);
    const wrong: string[] = [];
    if (first.status >= 300 || first.headers['idempotency-replayed'] !== undefined)
      wrong.push(`${name} is answered with ${first.status}: ${first.text}`);
    if ((before !== after) !== changes) wrong.push(`${name} has changed something: ${!changes}`);
    this.remembered.push({ ...call, key, first });
    return wrong;
  }

  /** The same once more, and another body under its key; returns what is wrong with that. */
  async retry(remembered: Remembered): Promise<string[]> {
    const { operation, subject, body, key, first } = remembered;
    const what = `${operation.name} ${subject} ${JSON.stringify(body)} again`;
    const before = await this.#state(remembered);
    const again = await this.#send(remembered, key);
    const wrong: string[] = [];
    const status = first.status === 204 ? 204 : 200;
    const isReplay = again.status === status && again.headers['idempotency-replayed'] === 'true';
    if (!isReplay || again.json['id'] !== first.json['id'])
      wrong.push(`${what} is answered with ${again.status}: ${again.text}`);
    if (body !== undefined) {
      // Means the same, and is not the same.
      const other = await this.#send(remembered, key, ' ');
      if (other.status !== 422 || other.json['code'] !== 'idempotency-mismatch')
        wrong.push(`${what}, with another body, is answered with ${other.status}: ${other.text}`);
    }
    if ((await this.#state(remembered)) !== before) wrong.push(`${what} has changed something`);
    return wrong;
  }

  /** What a call could change: which events there are, the gala with its sequence, and the event that it names. */
  async #state({ subject, body = {} }: Call): Promise<string> {
    const own = subject === '' ? String((body as { id?: string }).id) : subject;
    const event = /^(hold|order)_/.test(own) ? GALA : own;
    const paths = [
      `/v1/events?limit=500&include=availability&${STATES}`,
      `/v1/events/${GALA}/availability`,
      `/v1/events/${event}`,
    ];
    const answers = await Promise.all(paths.map((path) => this.wire.get(path)));
    return answers.map(({ text, headers }) => `${text} ${String(headers['frontrow-sequence'])}`).join('\n');
  }
}

async function hold(shop: Shop): Promise<string> {
  await shop.done(PATCH_EVENT, GALA, { state: 'open' });
  return shop.done(CREATE_HOLD, GALA, shop.floor());
}

async function order(shop: Shop): Promise<string> {
  await shop.done(PATCH_EVENT, GALA, { state: 'open' });
  return shop.done(CREATE_ORDER, GALA, shop.floor(), shop.next('order'));
}

const ticketsOf = (id: string): object => ({ tickets: [`${id.replace('order', 'ticket')}_1`] });

/** An event that is closed. */
async function closed(shop: Shop): Promise<string> {
  const event = await shop.done(CREATE_EVENT, '', eventOf(shop.next('past')));
  return shop.done(PATCH_EVENT, event, { state: 'closed' });
}

async function gala(shop: Shop): Promise<Record<string, unknown>> {
  return (await shop.wire.get(`/v1/events/${GALA}`)).json;
}

export const KEYED_CALLS: readonly Draw[] = [
  {
    name: 'an event is made',
    operation: CREATE_EVENT,
    changes: true,
    draw: async (shop) => ({ subject: '', body: eventOf(shop.next('new')) }),
  },
  {
    name: 'an event is opened or paused',
    operation: PATCH_EVENT,
    changes: true,
    draw: async (shop) => {
      const { state } = await gala(shop);
      return { subject: GALA, body: { state: state === 'open' ? 'paused' : 'open' } };
    },
  },
  {
    name: 'an event gets the state that it has',
    operation: PATCH_EVENT,
    changes: false,
    draw: async (shop) => ({ subject: GALA, body: { state: (await gala(shop))['state'] } }),
  },
  {
    name: 'an event grows',
    operation: PATCH_EVENT,
    changes: true,
    draw: async (shop) => ({
      subject: GALA,
      body: { sections: [{ id: 'floor', capacity: 5000 + Number(shop.next('').slice(1)) }] },
    }),
  },
  {
    name: 'an event gets the name that it has',
    operation: PATCH_EVENT,
    changes: false,
    draw: async (shop) => ({ subject: GALA, body: { name: (await gala(shop))['name'] } }),
  },
  {
    name: 'an event is archived',
    operation: PATCH_EVENT,
    changes: true,
    draw: async (shop) => ({ subject: await closed(shop), body: { state: 'archived' } }),
  },
  {
    name: 'an archived event is archived',
    operation: PATCH_EVENT,
    changes: false,
    draw: async (shop) => {
      const body = { state: 'archived' };
      return { subject: await shop.done(PATCH_EVENT, await closed(shop), body), body };
    },
  },
  {
    name: 'a hold',
    operation: CREATE_HOLD,
    changes: true,
    draw: async (shop) => {
      await shop.done(PATCH_EVENT, GALA, { state: 'open' });
      return { subject: GALA, body: shop.floor() };
    },
  },
  {
    name: 'an order',
    operation: CREATE_ORDER,
    changes: true,
    draw: async (shop) => {
      await shop.done(PATCH_EVENT, GALA, { state: 'open' });
      return { subject: GALA, body: shop.floor() };
    },
  },
  {
    name: 'a hold is changed',
    operation: CHANGE_HOLD,
    changes: true,
    draw: async (shop) => ({ subject: await hold(shop), body: { add: shop.floor().items } }),
  },
  {
    name: 'a hold is extended',
    operation: EXTEND_HOLD,
    changes: true,
    draw: async (shop) => ({ subject: await hold(shop), body: { seconds: 2 * SECONDS } }),
  },
  {
    name: 'a hold is extended by less than it has',
    operation: EXTEND_HOLD,
    changes: false,
    draw: async (shop) => {
      const subject = await hold(shop);
      return {
        subject: await shop.done(EXTEND_HOLD, subject, { seconds: 3 * SECONDS }),
        body: { seconds: 1 },
      };
    },
  },
  {
    name: 'a hold is confirmed',
    operation: CONFIRM_HOLD,
    changes: true,
    draw: async (shop) => ({ subject: await hold(shop), body: { reference: 'paid' } }),
  },
  {
    name: 'a confirmed hold is confirmed',
    operation: CONFIRM_HOLD,
    changes: false,
    draw: async (shop) => {
      const subject = await hold(shop);
      await shop.done(CONFIRM_HOLD, subject, {});
      return { subject, body: { reference: 'paid twice' } };
    },
  },
  {
    name: 'a hold is released',
    operation: RELEASE_HOLD,
    changes: true,
    draw: async (shop) => ({ subject: await hold(shop) }),
  },
  {
    name: 'a released hold is released',
    operation: RELEASE_HOLD,
    changes: false,
    draw: async (shop) => ({ subject: await shop.done(RELEASE_HOLD, await hold(shop)) }),
  },
  {
    name: 'a ticket is cancelled',
    operation: CANCEL_ORDER,
    changes: true,
    draw: async (shop) => {
      const subject = await order(shop);
      return { subject, body: ticketsOf(subject) };
    },
  },
  {
    name: 'a cancelled ticket is cancelled',
    operation: CANCEL_ORDER,
    changes: false,
    draw: async (shop) => {
      const subject = await order(shop);
      return {
        subject: await shop.done(CANCEL_ORDER, subject, ticketsOf(subject)),
        body: ticketsOf(subject),
      };
    },
  },
  {
    name: 'a cancelled order is cancelled',
    operation: CANCEL_ORDER,
    changes: false,
    draw: async (shop) => ({ subject: await shop.done(CANCEL_ORDER, await order(shop)), body: {} }),
  },
  ...[BLOCK, UNBLOCK].flatMap((operation): Draw[] => {
    const opposite = operation === BLOCK ? UNBLOCK : BLOCK;
    const of = (name: string, before: Operation): Draw => ({
      name: `${operation.name} of ${name}`,
      operation,
      changes: before !== operation,
      draw: async (shop) => {
        const body = shop.seat();
        await shop.done(before, GALA, body);
        return { subject: GALA, body };
      },
    });
    return [of('what is not so yet', opposite), of('what is so already', operation)];
  }),
];
