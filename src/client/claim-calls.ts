/** `client.holds` and `client.orders`: taking places, and what becomes of them. */
import type {
  CancelInput,
  ConfirmInput,
  ExtendInput,
  HoldChangeInput,
  HoldInput,
  OrderInput,
} from './inputs.ts';
import { pages } from './pages.ts';
import type { PageOptions } from './pages.ts';
import { callOptions, changeOptions } from './transport.ts';
import type { CallOptions, ChangeOptions, Transport } from './transport.ts';
import type { Hold, HoldState, Order, OrderState, Page } from './types.ts';

interface ClaimListOptions extends PageOptions {
  readonly customer?: string | undefined;
  readonly reference?: string | undefined;
}

export interface HoldListOptions extends ClaimListOptions {
  readonly state?: HoldState | readonly HoldState[] | undefined;
}

export interface OrderListOptions extends ClaimListOptions {
  readonly state?: OrderState | readonly OrderState[] | undefined;
}

export class HoldCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Takes places until a deadline. */
  create(event: string, input: HoldInput, options: ChangeOptions = {}): Promise<Hold> {
    return post(this.#transport, ['events', event, 'holds'], input, options);
  }

  get(hold: string, options: CallOptions = {}): Promise<Hold> {
    return get(this.#transport, ['holds', hold], options);
  }

  /** An event's holds. A page may be short and not be the last: `all` walks them. */
  list(event: string, options: HoldListOptions = {}): Promise<Page<Hold>> {
    return list(this.#transport, ['events', event, 'holds'], options);
  }

  async *all(event: string, options: HoldListOptions = {}): AsyncGenerator<Hold, void, undefined> {
    yield* pages((after) => this.list(event, { ...options, after }), options.after);
  }

  /** Adds and gives back places, all of it or nothing. The deadline stays. */
  change(hold: string, input: HoldChangeInput, options: ChangeOptions = {}): Promise<Hold> {
    return post(this.#transport, ['holds', hold, 'change'], input, options);
  }

  /** A later deadline, up to the event's `maxHoldSeconds` after the hold's creation. */
  extend(hold: string, input: ExtendInput, options: ChangeOptions = {}): Promise<Hold> {
    return post(this.#transport, ['holds', hold, 'extend'], input, options);
  }

  /** Makes it an order; again is the same order. */
  confirm(hold: string, input: ConfirmInput = {}, options: ChangeOptions = {}): Promise<Order> {
    return post(this.#transport, ['holds', hold, 'confirm'], input, options);
  }

  /** Gives the places back. */
  async release(hold: string, options: ChangeOptions = {}): Promise<void> {
    const call = { ...changeOptions(options), method: 'DELETE', path: ['v1', 'holds', hold] } as const;
    await this.#transport.send<undefined>(call);
  }
}

export class OrderCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Hold and confirm in one step. */
  create(event: string, input: OrderInput, options: ChangeOptions = {}): Promise<Order> {
    return post(this.#transport, ['events', event, 'orders'], input, options);
  }

  get(order: string, options: CallOptions = {}): Promise<Order> {
    return get(this.#transport, ['orders', order], options);
  }

  /** An event's orders. A page may be short and not be the last: `all` walks them. */
  list(event: string, options: OrderListOptions = {}): Promise<Page<Order>> {
    return list(this.#transport, ['events', event, 'orders'], options);
  }

  async *all(event: string, options: OrderListOptions = {}): AsyncGenerator<Order, void, undefined> {
    yield* pages((after) => this.list(event, { ...options, after }), options.after);
  }

  /** Some tickets, or all of them; again is the same order. */
  cancel(order: string, input: CancelInput = {}, options: ChangeOptions = {}): Promise<Order> {
    return post(this.#transport, ['orders', order, 'cancel'], input, options);
  }
}

async function get<T>(transport: Transport, path: readonly string[], options: CallOptions): Promise<T> {
  return (await transport.send<T>({ ...callOptions(options), method: 'GET', path: ['v1', ...path] })).body;
}

async function post<T>(
  transport: Transport,
  path: readonly string[],
  body: unknown,
  options: ChangeOptions,
): Promise<T> {
  const call = { ...changeOptions(options), method: 'POST', path: ['v1', ...path], body } as const;
  return (await transport.send<T>(call)).body;
}

async function list<T>(
  transport: Transport,
  path: readonly string[],
  options: HoldListOptions | OrderListOptions,
): Promise<Page<T>> {
  const { customer, reference, state, limit, after } = options;
  const query = { customer, reference, state, limit, after };
  const call = { ...callOptions(options), method: 'GET', path: ['v1', ...path], query } as const;
  return (await transport.send<Page<T>>(call)).body;
}
