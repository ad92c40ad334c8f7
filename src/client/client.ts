/**
 * The client: the API's calls as methods, typed. `client.events`, `client.holds`, `client.orders`.
 * Every method rejects with FrontrowProblem (an answer), FrontrowUnreachable (none), or an aborted signal's reason.
 */
import { HoldCalls, OrderCalls } from './claim-calls.ts';
import { EventCalls } from './event-calls.ts';
import { Transport } from './transport.ts';
import type { Call, CallOptions, ClientOptions, Reply } from './transport.ts';
import type { ServiceStatus } from './types.ts';

/**
 * Calls that failed in passing are made again (`retry`): network failures, 429, 503, and a lost outcome, all attempts
 * of a change under one idempotency key, so that it is done once at most.
 *
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
  async health(options: CallOptions = {}): Promise<ServiceStatus> {
    const call = { ...options, method: 'GET', path: ['healthz'] } as const;
    return (await this.#transport.send<ServiceStatus>(call)).body;
  }

  /** Does it take work? Asks once: rejects with a 503 problem while it starts or drains. */
  async ready(options: CallOptions = {}): Promise<ServiceStatus> {
    const call = { retry: false, ...options, method: 'GET', path: ['readyz'] } as const;
    return (await this.#transport.send<ServiceStatus>(call)).body;
  }
}
