/**
 * The client: the API's calls as methods, typed. `client.events`, `client.holds`, `client.orders`.
 * Every method rejects with FrontrowProblem (an answer) or FrontrowUnreachable (none).
 */
import { Transport } from './transport.ts';
import type { Call, CallOptions, ChangeOptions, ClientOptions, Reply } from './transport.ts';
import type {
  Availability,
  Change,
  EventDefinition,
  EventInput,
  EventSummary,
  Hold,
  HoldInput,
  Order,
  OrderInput,
  Page,
  SeatBits,
  SeatReply,
  SeatsReply,
} from './types.ts';

export interface PageOptions extends CallOptions {
  /** Entries a page, 1 to 500; the server's default is 50. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | number | undefined;
}

export interface SectionOptions extends CallOptions {
  readonly section?: string | undefined;
}

export interface HistoryOptions extends PageOptions {
  /** Only changes that touched this seat. */
  readonly seat?: string | undefined;
}

/** A public read asked for with the ETag of the last one; `changed: false` is the server's 304. */
export type Conditional<T> =
  | { readonly changed: true; readonly etag: string | null; readonly value: T }
  | { readonly changed: false; readonly etag: string | null };

/**
 * @example
 * const client = new FrontrowClient({ url: 'http://127.0.0.1:8080' });
 * const hold = await client.holds.create('gala', { customer: 'c-81', items: [{ seat: 'stalls-A-12' }] });
 * const order = await client.holds.confirm(hold.id, { reference: 'pi_3N' });
 */
export class FrontrowClient {
  readonly events: EventCalls;
  readonly holds: HoldCalls;
  readonly orders: OrderCalls;
  readonly #transport: Transport;

  /** Throws a TypeError when `url` is not an http or https URL. Opens no connection. */
  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.events = new EventCalls(this.#transport);
    this.holds = new HoldCalls(this.#transport);
    this.orders = new OrderCalls(this.#transport);
  }

  /** Any call, with the reply's headers: for what the methods do not show, such as `replayed`. */
  request<T>(call: Call): Promise<Reply<T>> {
    return this.#transport.send<T>(call);
  }

  /** Is the process alive? */
  async health(options: CallOptions = {}): Promise<{ readonly status: string }> {
    return (await this.#transport.send<{ status: string }>({ method: 'GET', path: ['healthz'], ...options }))
      .body;
  }

  /** Does it take work? Rejects with a 503 problem while it starts or drains. */
  async ready(options: CallOptions = {}): Promise<{ readonly status: string }> {
    return (await this.#transport.send<{ status: string }>({ method: 'GET', path: ['readyz'], ...options }))
      .body;
  }
}

class EventCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async create(input: EventInput, options: ChangeOptions = {}): Promise<EventDefinition> {
    const call = { method: 'POST', path: ['v1', 'events'], body: input, ...options } as const;
    return (await this.#transport.send<EventDefinition>(call)).body;
  }

  async list(options: PageOptions = {}): Promise<Page<EventSummary>> {
    const { limit, after, signal } = options;
    const call = { method: 'GET', path: ['v1', 'events'], query: { limit, after }, signal } as const;
    return (await this.#transport.send<Page<EventSummary>>(call)).body;
  }

  /** All events, page by page. */
  async *all(options: PageOptions = {}): AsyncGenerator<EventSummary, void, undefined> {
    yield* pages((after) => this.list({ ...options, after }), options.after);
  }

  /** The definition. */
  get(event: string, options: CallOptions = {}): Promise<EventDefinition> {
    return this.#read<EventDefinition>([event], options);
  }

  availability(event: string, options: CallOptions = {}): Promise<Availability> {
    return this.#read<Availability>([event, 'availability'], options);
  }

  /** The same unless it is still what `etag` stands for: cheap enough to ask once a second. */
  async availabilityIfChanged(
    event: string,
    etag: string | null,
    options: CallOptions = {},
  ): Promise<Conditional<Availability>> {
    const reply = await this.#transport.send<Availability>({
      method: 'GET',
      path: ['v1', 'events', event, 'availability'],
      ...(etag === null ? {} : { headers: { 'if-none-match': etag } }),
      ...options,
    });
    if (reply.status === 304) return { changed: false, etag };
    return { changed: true, etag: reply.etag, value: reply.body };
  }

  /** State of every seat as letters, by section and row. */
  seats(event: string, options: SectionOptions = {}): Promise<SeatsReply> {
    return this.#read<SeatsReply>([event, 'seats'], options, { section: options.section });
  }

  /** The same in 2 bits a seat. */
  async seatBits(event: string, options: SectionOptions = {}): Promise<SeatBits> {
    const reply = await this.#transport.send<Uint8Array>({
      method: 'GET',
      path: ['v1', 'events', event, 'seats'],
      query: { section: options.section },
      headers: { accept: 'application/octet-stream' },
      as: 'bytes',
      signal: options.signal,
    });
    return { sequence: reply.sequence ?? 0, bytes: reply.body };
  }

  seat(event: string, seat: string, options: CallOptions = {}): Promise<SeatReply> {
    return this.#read<SeatReply>([event, 'seats', seat], options);
  }

  /** Changes after a sequence, oldest first, page by page; ends where the history ends now. */
  async *history(event: string, options: HistoryOptions = {}): AsyncGenerator<Change, void, undefined> {
    yield* pages((after) => this.historyPage(event, { ...options, after }), options.after);
  }

  historyPage(event: string, options: HistoryOptions = {}): Promise<Page<Change>> {
    const { limit, after, seat } = options;
    return this.#read<Page<Change>>([event, 'history'], options, { limit, after, seat });
  }

  async #read<T>(path: readonly string[], options: CallOptions, query?: Call['query']): Promise<T> {
    const call = { method: 'GET', path: ['v1', 'events', ...path], query, signal: options.signal } as const;
    return (await this.#transport.send<T>(call)).body;
  }
}

class HoldCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Takes places until a deadline. */
  async create(event: string, input: HoldInput, options: ChangeOptions = {}): Promise<Hold> {
    const call = { method: 'POST', path: ['v1', 'events', event, 'holds'], body: input, ...options } as const;
    return (await this.#transport.send<Hold>(call)).body;
  }

  async get(hold: string, options: CallOptions = {}): Promise<Hold> {
    return (await this.#transport.send<Hold>({ method: 'GET', path: ['v1', 'holds', hold], ...options }))
      .body;
  }

  /** Makes it an order; again is the same order. */
  async confirm(
    hold: string,
    input: { readonly reference?: string } = {},
    options: ChangeOptions = {},
  ): Promise<Order> {
    const call = { method: 'POST', path: ['v1', 'holds', hold, 'confirm'], body: input, ...options } as const;
    return (await this.#transport.send<Order>(call)).body;
  }

  /** Gives the places back. */
  async release(hold: string, options: ChangeOptions = {}): Promise<void> {
    await this.#transport.send<undefined>({ method: 'DELETE', path: ['v1', 'holds', hold], ...options });
  }
}

class OrderCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Hold and confirm in one step. */
  async create(event: string, input: OrderInput, options: ChangeOptions = {}): Promise<Order> {
    const call = {
      method: 'POST',
      path: ['v1', 'events', event, 'orders'],
      body: input,
      ...options,
    } as const;
    return (await this.#transport.send<Order>(call)).body;
  }

  async get(order: string, options: CallOptions = {}): Promise<Order> {
    return (await this.#transport.send<Order>({ method: 'GET', path: ['v1', 'orders', order], ...options }))
      .body;
  }

  /** Some tickets, or all of them; again is the same order. */
  async cancel(
    order: string,
    input: { readonly tickets?: readonly string[] } = {},
    options: ChangeOptions = {},
  ): Promise<Order> {
    const call = {
      method: 'POST',
      path: ['v1', 'orders', order, 'cancel'],
      body: input,
      ...options,
    } as const;
    return (await this.#transport.send<Order>(call)).body;
  }
}

async function* pages<T>(
  read: (after: string | number | undefined) => Promise<Page<T>>,
  first: string | number | undefined,
): AsyncGenerator<T, void, undefined> {
  let after = first;
  for (;;) {
    const page = await read(after);
    yield* page.data;
    if (page.next === null) return;
    after = page.next;
  }
}
