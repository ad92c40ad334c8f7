/**
 * What the clients of a server know: every claim that was acknowledged to them, as it was acknowledged, and every
 * request whose answer never came. From that it says what the server must hold, now and after any crash.
 *
 * One flow sends one request at a time and stops at the first that is not answered, so a claim has at most one
 * request of unknown outcome.
 */
import type { Test } from 'tap';
import { availability, conserves, type Answer, type Wire } from './http.ts';

interface Ticket {
  readonly id: string;
  readonly section: string;
  readonly seat?: string;
  readonly state: string;
}

interface Item {
  readonly seat?: string;
  readonly section?: string;
  readonly quantity?: number;
}

interface Content {
  readonly id: string;
  readonly state: string;
  readonly order?: string;
  readonly items?: readonly Item[];
  readonly tickets?: readonly Ticket[];
}

/** A claim as it was last acknowledged. `path` reads it. */
interface KnownClaim {
  readonly hold: string;
  readonly order: string;
  state: 'held' | 'released' | 'confirmed' | 'cancelled';
  content: Content;
  checked: boolean;
}

interface Step {
  readonly kind: 'order' | 'hold' | 'confirm' | 'release' | 'cancel' | 'define';
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly body: unknown;
  readonly key: string;
  readonly claim: KnownClaim | null;
}

export const SYSTEM_EVENT = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  currency: 'EUR',
  sections: [
    { id: 'floor', kind: 'general', capacity: 100_000, price: 4500 },
    {
      id: 'stalls',
      kind: 'seated',
      price: 9000,
      rows: Array.from({ length: 40 }, (_, row) => ({ id: `R${row + 1}`, seats: ['1..25', null, '26..50'] })),
    },
  ],
};

/** An event whose definition takes much room in the journal: half a megabyte in one frame. */
function bulkyEvent(id: string): object {
  const features = Array.from({ length: 8 }, (_, i) => 'abcdefgh'.charAt(i).repeat(32));
  const seats = Array.from({ length: 2000 }, (_, seat) => ({ id: `${seat + 1}`, features }));
  const { startsAt } = SYSTEM_EVENT;
  return { id, name: id, startsAt, sections: [{ id: 'hall', kind: 'seated', rows: [{ id: 'A', seats }] }] };
}

export class Ledger {
  readonly event: string;
  /** Answers by kind and status, for the test's report. */
  readonly tally = new Map<string, number>();
  acknowledged = 0;
  readonly #random: () => number;
  readonly #claims: KnownClaim[] = [];
  /** Confirmed ones with a valid ticket: what a cancellation picks from. Each is in one flow's hands at a time. */
  #cancellable: KnownClaim[] = [];
  #unknown: Step[] = [];
  /** Other events that were defined, as they were acknowledged. */
  readonly #events: Content[] = [];
  #keys = 0;
  #bulky = 0;

  /** `event` is defined like SYSTEM_EVENT. */
  constructor(random: () => number, event = SYSTEM_EVENT.id) {
    this.#random = random;
    this.event = event;
  }

  get claimCount(): number {
    return this.#claims.length;
  }

  get unknownCount(): number {
    return this.#unknown.length;
  }

  /**
   * One client: acts until `isOver` or until an answer is not the kind one goes on after. `seen` is told each answer.
   */
  async flow(wire: Wire, isOver: () => boolean, seen: (answer: Answer, kind: string) => void): Promise<void> {
    while (!isOver()) {
      const claim = await this.#begin(wire, seen);
      if (claim === 'over') return;
      if (claim === null || claim.state !== 'held' || isOver() || this.#random() < 0.2) continue;
      const kind = this.#random() < 0.65 ? 'confirm' : 'release';
      if ((await this.#attempt(wire, this.#settle(kind, claim), seen)) === 'over') return;
    }
  }

  /** Defines so many bulky events beside the flows. */
  async defineBulky(wire: Wire, count: number, isOver: () => boolean): Promise<void> {
    for (let i = 0; i < count && !isOver(); i++) {
      const body = bulkyEvent(`bulky-${++this.#bulky}`);
      const key = this.#nextKey();
      const step: Step = { kind: 'define', method: 'POST', path: '/v1/events', body, key, claim: null };
      if ((await this.#attempt(wire, step, () => {})) === 'over') return;
    }
  }

  /** A new claim, or the cancellation of an old one. */
  async #begin(
    wire: Wire,
    seen: (answer: Answer, kind: string) => void,
  ): Promise<KnownClaim | null | 'over'> {
    const dice = this.#random();
    if (dice < 0.2 && this.#cancellable.length > 0) {
      const at = Math.floor(this.#random() * this.#cancellable.length);
      const [claim] = this.#cancellable.splice(at, 1);
      return this.#attempt(wire, this.#cancel(claim), seen);
    }
    const kind = dice < 0.6 ? 'order' : 'hold';
    const step: Step = {
      kind,
      method: 'POST',
      path: `/v1/events/${this.event}/${kind}s`,
      body: {
        customer: `c-${Math.floor(this.#random() * 1000)}`,
        items: this.#items(),
        ...(this.#random() < 0.5 && { reference: `pi_${this.#keys}` }),
        ...(kind === 'hold' && { seconds: 1800 }),
      },
      key: this.#nextKey(),
      claim: null,
    };
    return this.#attempt(wire, step, seen);
  }

  #items(): Item[] {
    const quantity = 1 + Math.floor(this.#random() * 8);
    const dice = this.#random();
    if (dice < 0.5) return [{ section: 'floor', quantity }];
    if (dice < 0.75) return [{ section: 'stalls', quantity }];
    // Named seats, side by side and sought after.
    const row = 1 + Math.floor(this.#random() * 40);
    const first = 1 + Math.floor(this.#random() * 47);
    const seats = [0, 1, 2].map((next) => ({ seat: `stalls-R${row}-${first + next}` }));
    return dice < 0.9 ? seats : [...seats, { section: 'floor', quantity }];
  }

  #settle(kind: 'confirm' | 'release', claim: KnownClaim): Step {
    const path = `/v1/holds/${claim.hold}`;
    const key = this.#nextKey();
    if (kind === 'release') return { kind, method: 'DELETE', path, body: undefined, key, claim };
    const body = this.#random() < 0.5 ? { reference: `paid_${key}` } : undefined;
    return { kind, method: 'POST', path: `${path}/confirm`, body, key, claim };
  }

  #cancel(claim: KnownClaim): Step {
    const valid = claim.content.tickets!.find(({ state }) => state === 'valid');
    const some = this.#random() < 0.5 ? { tickets: [valid!.id] } : undefined;
    const path = `/v1/orders/${claim.order}/cancel`;
    return { kind: 'cancel', method: 'POST', path, body: some, key: this.#nextKey(), claim };
  }

  #nextKey(): string {
    return `key-${++this.#keys}`;
  }

  async #attempt(
    wire: Wire,
    step: Step,
    seen: (answer: Answer, kind: string) => void,
  ): Promise<KnownClaim | null | 'over'> {
    let answer: Answer;
    try {
      answer = await wire.send(step.method, step.path, step.body, { key: step.key });
    } catch {
      this.#unknown.push(step);
      return 'over';
    }
    seen(answer, step.kind);
    if (answer.json['applied'] === null) {
      this.#unknown.push(step);
      return null;
    }
    return this.#take(step, answer);
  }

  /** Takes an acknowledgement, or a refusal, which changes nothing. */
  #take(step: Step, answer: Answer): KnownClaim | null {
    const name = `${step.kind} ${answer.status} ${(answer.json['code'] as string | undefined) ?? ''}`;
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1);
    if (answer.status >= 300) {
      if (step.kind === 'cancel' && step.claim !== null) this.#cancellable.push(step.claim);
      return null;
    }
    this.acknowledged++;
    const content = answer.json as unknown as Content;
    if (step.kind === 'define') {
      this.#events.push(content);
      return null;
    }
    const claim = step.claim ?? this.#add(step.kind === 'hold', content);
    claim.checked = false;
    if (step.kind === 'release') {
      claim.state = 'released';
      return claim;
    }
    claim.content = content;
    claim.state = content.state as KnownClaim['state'];
    if (claim.state === 'confirmed') this.#cancellable.push(claim);
    return claim;
  }

  #add(isHold: boolean, content: Content): KnownClaim {
    const order = isHold ? content.order! : content.id;
    const claim: KnownClaim = {
      hold: order.replace('order_', 'hold_'),
      order,
      state: 'held',
      content,
      checked: false,
    };
    this.#claims.push(claim);
    return claim;
  }

  /** Sends what was never answered again, under its key: it happens now, had happened, or is refused. Twice. */
  async resolve(t: Test, wire: Wire): Promise<void> {
    const steps = this.#unknown;
    this.#unknown = [];
    await Promise.all(
      steps.map(async (step) => {
        const first = await wire.send(step.method, step.path, step.body, { key: step.key });
        this.#take(step, first);
        const isDone = first.status < 300;
        if (!isDone && (first.status !== 409 || first.json['applied'] !== false))
          t.fail('what is sent again is done or refused', { step, first: first.json });
        if (!isDone) return;
        const second = await wire.send(step.method, step.path, step.body, { key: step.key });
        const isReplay =
          second.headers['idempotency-replayed'] === 'true' &&
          second.status === (step.kind === 'release' ? 204 : 200);
        if (!isReplay || second.json['id'] !== first.json['id'])
          t.fail('a third time is told what the second was', { step, second: second.json });
      }),
    );
  }

  /** Checks the server against all that is known. Nothing may be of unknown outcome, and nobody else may act. */
  async check(t: Test, wire: Wire, oldOnesMax = 500): Promise<void> {
    t.equal(this.#unknown.length, 0, 'every outcome is known');
    const old = this.#claims.filter(({ checked }) => checked);
    const some = old.filter(() => this.#random() < oldOnesMax / old.length);
    const wrong: unknown[] = [];
    const claims = [...this.#claims.filter(({ checked }) => !checked), ...some];
    await Promise.all(
      claims.map(async (claim) => {
        const fault = await this.#fault(wire, claim);
        if (fault !== null) wrong.push(fault);
        claim.checked = true;
      }),
    );
    t.same(
      wrong.slice(0, 5),
      [],
      `${claims.length} of ${this.#claims.length} claims are as they were acknowledged`,
    );
    for (const event of this.#events) {
      const { json } = await wire.get(`/v1/events/${event.id}`);
      if (JSON.stringify(json) !== JSON.stringify(event))
        t.fail(`event ${event.id} is not as it was acknowledged`);
    }
    await this.#checkCounts(t, wire);
  }

  async #fault(wire: Wire, claim: KnownClaim): Promise<unknown> {
    const isHold = claim.state === 'held' || claim.state === 'released';
    const { status, json } = await wire.get(isHold ? `/v1/holds/${claim.hold}` : `/v1/orders/${claim.order}`);
    // An ended one may have made room for others.
    if (status === 404 && (claim.state === 'released' || claim.state === 'cancelled')) return null;
    if (claim.state === 'released') return json['state'] === 'released' ? null : { claim, json };
    const known = { ...claim.content, expiresInMs: 0 };
    const found = { ...json, expiresInMs: 0 };
    return JSON.stringify(known) === JSON.stringify(found) ? null : { known, found };
  }

  async #checkCounts(t: Test, wire: Wire): Promise<void> {
    const taken: Record<string, { held: number; sold: number }> = {};
    for (const { id } of SYSTEM_EVENT.sections) taken[id] = { held: 0, sold: 0 };
    const owners = new Map<string, string>();
    const own = (seat: string, claim: KnownClaim, letter: string): void => {
      if (owners.has(seat)) t.fail(`seat ${seat} is sold twice`, claim);
      owners.set(seat, letter);
    };
    for (const claim of this.#claims) {
      if (claim.state === 'held') {
        for (const { seat, section, quantity } of claim.content.items ?? []) {
          taken[seat === undefined ? section! : 'stalls'].held += quantity ?? 1;
          if (seat !== undefined) own(seat, claim, 'h');
        }
      } else if (claim.state === 'confirmed') {
        for (const ticket of claim.content.tickets ?? []) {
          if (ticket.state !== 'valid') continue;
          taken[ticket.section].sold++;
          if (ticket.seat !== undefined) own(ticket.seat, claim, 's');
        }
      }
    }
    const counts = await availability(wire, this.event);
    t.ok(counts.sections.every(conserves), 'counts conserve');
    const found: typeof taken = {};
    SYSTEM_EVENT.sections.forEach(({ id }, index) => {
      const { held, sold } = counts.sections[index];
      found[id] = { held, sold };
    });
    t.same(found, taken, 'held and sold are what was acknowledged');
    const { json } = await wire.get(`/v1/events/${this.event}/seats`);
    const [stalls] = json['sections'] as { rows: { id: string; seats: string }[] }[];
    const letters = stalls.rows.map(({ id, seats }) =>
      Array.from(seats, (_, seat) => owners.get(`stalls-${id}-${seat + 1}`) ?? 'a').join(''),
    );
    t.same(
      stalls.rows.map(({ seats }) => seats),
      letters,
      'and every seat is whose it was said to be',
    );
  }
}
