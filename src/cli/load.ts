/**
 * Load on a running server, and the audit of what it sold. `frontrow bench` and the repository's bench share it.
 *
 * autocannon stops in the middle of requests, so some were sent and never answered. They are sent again, once,
 * under their own idempotency keys: after that every request has an answer, and the audit can ask for equality.
 * The loop is closed (a connection waits for its reply), and autocannon itself is usually the bottleneck.
 */
import type { Instance, Result } from 'autocannon';
import { FrontrowClient, FrontrowProblem } from '../client/index.ts';
import type { EventDefinition, EventInput, Hold, HoldItem, ItemInput, Order } from '../client/index.ts';

export type LoadKind = 'orders' | 'holds';

export interface LoadOptions {
  readonly url: string;
  readonly key?: string | undefined;
  readonly event: EventDefinition;
  readonly kind: LoadKind;
  readonly connections: number;
  readonly durationSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** What one acknowledged request got. */
export interface Grant {
  /** `order_…` or `hold_…`. */
  readonly id: string;
  /** Labels of named or chosen seats. */
  readonly seats: readonly string[];
  /** Places by section, seats included. */
  readonly places: ReadonlyMap<string, number>;
}

export interface LoadResult {
  readonly kind: LoadKind;
  readonly event: string;
  readonly connections: number;
  readonly seconds: number;
  readonly replies: number;
  readonly repliesPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Replies by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that broke or timed out under way. */
  readonly errors: number;
  /** Requests cut off at the end and sent again. */
  readonly resent: number;
  readonly grants: readonly Grant[];
}

/** An event to hammer: a floor of `capacity` places and 2,000 seats. */
export function loadEvent(id: string, capacity: number, now: Date): EventInput {
  const rows = Array.from({ length: 40 }, (_, index) => ({ id: `R${index + 1}`, seats: 50 }));
  return {
    id,
    name: 'Load test',
    state: 'open',
    startsAt: new Date(now.getTime() + 30 * 86_400_000).toISOString(),
    timeZone: 'UTC',
    currency: 'EUR',
    limits: { holdSeconds: 600, maxHoldSeconds: 1800, ticketsPerHold: 8 },
    sections: [
      { id: 'floor', name: 'Floor', kind: 'general', capacity, price: 4500 },
      { id: 'stalls', name: 'Stalls', kind: 'seated', price: 9000, rows },
    ],
  };
}

type Done = (error: unknown, result: Result) => void;

interface Sent {
  readonly body: {
    readonly customer: string;
    readonly items: readonly ItemInput[];
    readonly seconds?: number;
  };
  readonly section: string;
}

/** Runs the load and gives every request an answer. Rejects when the server cannot be reached at all. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { default: autocannon } = await import('autocannon');
  const { event, kind } = options;
  const client = new FrontrowClient({ url: options.url, key: options.key });
  const plan = new Plan(event, kind);
  const pending = new Map<string, Sent>();
  const accepted: string[] = [];
  const statuses: Record<string, number> = {};
  const runId = crypto.randomUUID().slice(0, 8);
  let made = 0;

  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' };
  if (options.key !== undefined) headers['authorization'] = `Bearer ${options.key}`;
  const result = await untilDone(options.signal, (done) =>
    autocannon(
      {
        url: options.url,
        connections: options.connections,
        duration: options.durationSeconds,
        requests: [
          {
            method: 'POST',
            path: `/v1/events/${event.id}/${kind}`,
            setupRequest(request, context) {
              const key = `${runId}-${++made}`;
              const sent = plan.next(made);
              pending.set(key, sent);
              (context as { key?: string }).key = key;
              return {
                ...request,
                headers: { ...headers, 'idempotency-key': key },
                body: JSON.stringify(sent.body),
              };
            },
            onResponse(status, body, context) {
              const key = (context as { key?: string }).key!;
              statuses[status] = (statuses[status] ?? 0) + 1;
              const sent = pending.get(key);
              pending.delete(key);
              // Parsed after the run: the load generator has no time for it now.
              if (status === 200 || status === 201) accepted.push(body);
              else if (status === 409 && sent !== undefined && body.includes('"sold-out"'))
                plan.close(sent.section);
            },
          },
        ],
      },
      done,
    ),
  );

  const grants = accepted.map((body) => readGrant(JSON.parse(body) as Hold | Order));
  grants.push(...(await resend(client, event.id, kind, pending)));
  const replies = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  return {
    kind,
    event: event.id,
    connections: options.connections,
    seconds: result.duration,
    replies,
    repliesPerSecond: replies / result.duration,
    latencyMs: { p50: result.latency.p50, p99: result.latency.p99, max: result.latency.max },
    statuses,
    errors: result.errors,
    resent: pending.size,
    grants,
  };
}

/** Resolves with autocannon's result; an aborted signal ends the run early, and what was measured counts. */
function untilDone(signal: AbortSignal | undefined, start: (done: Done) => Instance): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = (): void => instance.stop();
    const instance = start((error: unknown, result) => {
      signal?.removeEventListener('abort', stop);
      if (error === null || error === undefined) resolve(result);
      else reject(error instanceof Error ? error : new Error('autocannon failed', { cause: error }));
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Sends what has no answer again under the same keys; resolves with what was granted, then or now. */
async function resend(
  client: FrontrowClient,
  event: string,
  kind: LoadKind,
  pending: ReadonlyMap<string, Sent>,
): Promise<Grant[]> {
  const grants: Grant[] = [];
  await eachLimited([...pending], 16, async ([idempotencyKey, sent]) => {
    try {
      const call = {
        method: 'POST',
        path: ['v1', 'events', event, kind],
        body: sent.body,
        idempotencyKey,
      } as const;
      grants.push(readGrant((await client.request<Hold | Order>(call)).body));
    } catch (error) {
      // A refusal is an answer too: it was not granted. Anything else leaves the audit without a basis.
      if (!(error instanceof FrontrowProblem) || error.applied !== false) throw error;
    }
  });
  return grants;
}

/** Walks the sections in turn with orders of 1, 2, 1 and 4 places, and leaves out those that are sold out. */
class Plan {
  readonly #sections: string[];
  readonly #open: string[];
  /** The price type to ask for, where a section's category has several. */
  readonly #types = new Map<string, string>();
  readonly #most: number;
  readonly #seconds: number | null;

  constructor(event: EventDefinition, kind: LoadKind) {
    this.#sections = event.sections.map((section) => section.id);
    this.#open = [...this.#sections];
    for (const section of event.sections) {
      const category = event.categories.find((candidate) => candidate.id === section.category);
      if (category !== undefined) this.#types.set(section.id, category.prices[0].type);
    }
    this.#most = event.limits.ticketsPerHold;
    // The longest hold the event allows: one that ends during the run would look like a lost one.
    this.#seconds = kind === 'holds' ? event.limits.maxHoldSeconds : null;
  }

  next(count: number): Sent {
    // With everything sold out the refusals are what is measured.
    const sections = this.#open.length > 0 ? this.#open : this.#sections;
    const section = sections[count % sections.length];
    const quantity = Math.min([1, 2, 1, 4][(count >> 1) & 3], this.#most);
    const type = this.#types.get(section);
    const item = type === undefined ? { section, quantity } : { section, quantity, type };
    const body = { customer: `load-${count}`, items: [item] };
    return { section, body: this.#seconds === null ? body : { ...body, seconds: this.#seconds } };
  }

  close(section: string): void {
    const index = this.#open.indexOf(section);
    if (index >= 0) this.#open.splice(index, 1);
  }
}

function readGrant(claim: Hold | Order): Grant {
  const seats: string[] = [];
  const places = new Map<string, number>();
  const take = (section: string, quantity: number, seat: string | null): void => {
    places.set(section, (places.get(section) ?? 0) + quantity);
    if (seat !== null) seats.push(seat);
  };
  if ('tickets' in claim) for (const ticket of claim.tickets) take(ticket.section, 1, ticket.seat ?? null);
  else for (const item of claim.items) takeItem(item, take);
  return { id: claim.id, seats, places };
}

function takeItem(
  item: HoldItem,
  take: (section: string, quantity: number, seat: string | null) => void,
): void {
  if ('seat' in item) take(item.seat.split('-').slice(0, -2).join('-'), 1, item.seat);
  else take(item.section, item.quantity, null);
}

/** Calls `work` for each, at most `limit` at a time. Rejects with the first failure. */
export async function eachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let index = 0;
  const lane = async (): Promise<void> => {
    while (index < items.length) await work(items[index++]);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
}
