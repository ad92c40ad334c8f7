/**
 * `frontrow buy`: the way of a ticket with a person at the terminal. Choose, hold, look at the price and the deadline,
 * confirm. The conversation is on stderr, the order on stdout.
 *
 *   event ─▶ places ─▶ hold ─▶ buy? ─ yes ─▶ order
 *              ▲         │       ├── no ──▶ released
 *              └ refused ┴ out ──┘ Ctrl-C ▶ released, exit 130
 */
import { FrontrowProblem } from '../client/index.ts';
import type { EventDefinition, FrontrowClient, Hold, ItemInput, Order } from '../client/index.ts';
import { chooseEvent, choosePlaces } from './buy-choice.ts';
import { Countdown } from './countdown.ts';
import { CLAIM_OPTIONS, readReference } from './claim-fields.ts';
import { defineCommand } from './command.ts';
import { EXIT, UsageError } from './exits.ts';
import { describeFailure } from './failure.ts';
import { formatMoney, formatTime } from './format.ts';
import { describeHold } from './hold-show.ts';
import { describeOrder } from './order-show.ts';
import { Interrupted, isYes, Prompt, WITHDRAWN } from './prompt.ts';
import type { Session } from './session.ts';

export const buy = defineCommand({
  usage: 'buy [event]',
  describe: 'Buy tickets, step by step (on a terminal)',
  positionals: { event: { type: 'string', describe: "The event's id; asked for unless given" } },
  options: CLAIM_OPTIONS,
  examples: [
    ['frontrow buy', ''],
    ['frontrow buy gala --customer c-81', ''],
  ],
  notes: 'Ctrl-C ends it at any time; what is held then is released.',
  async run(args, session) {
    if (!session.canAsk) {
      throw new UsageError(
        'buy talks with a person and needs a terminal; a script has frontrow hold and confirm',
      );
    }
    const fields = {
      ...(args.customer === undefined ? {} : { customer: args.customer }),
      ...readReference(args),
    };
    const prompt = new Prompt(session);
    try {
      const order = await new Purchase(session, prompt, fields).run(args.event);
      if (order !== null) await session.show(order, order.id, () => describeOrder(order, session));
      return EXIT.ok;
    } catch (error) {
      if (error instanceof Interrupted) return EXIT.interrupted;
      throw error;
    } finally {
      prompt.close();
    }
  },
});

type Fields = ReturnType<typeof readReference> & { readonly customer?: string };

class Purchase {
  readonly #session: Session;
  readonly #prompt: Prompt;
  readonly #fields: Fields;
  /** Its calls are not cut off by Ctrl-C: a hold whose answer was lost could not be released. */
  readonly #client: FrontrowClient;
  #held: Hold | null = null;

  constructor(session: Session, prompt: Prompt, fields: Fields) {
    this.#session = session;
    this.#prompt = prompt;
    this.#fields = fields;
    this.#client = session.lastingClient();
  }

  /** null: the person decided against it. Throws Interrupted on Ctrl-C, with nothing held any more. */
  async run(eventId: string | undefined): Promise<Order | null> {
    try {
      const event = await chooseEvent(this.#session.client(), eventId, this.#prompt, this.#session);
      for (;;) {
        const items = await choosePlaces(this.#session.client(), event, this.#prompt, this.#session);
        this.#held = await this.#take(event, items);
        if (this.#held === null) continue;
        const answer = await this.#decide(this.#held);
        if (answer === 'no') {
          await this.#letGo();
          return null;
        }
        const order = answer === 'yes' ? await this.#confirm(this.#held) : null;
        this.#held = null;
        if (order !== null) return order;
      }
    } catch (error) {
      if (error instanceof Interrupted) this.#session.tell('');
      await this.#letGo();
      throw error;
    }
  }

  /** null when the places cannot be had; the person has been told. */
  async #take(event: EventDefinition, items: readonly ItemInput[]): Promise<Hold | null> {
    try {
      return await this.#client.holds.create(event.id, { ...this.#fields, items });
    } catch (error) {
      return this.#again(error, event.id);
    }
  }

  async #decide(held: Hold): Promise<'yes' | 'no' | 'over'> {
    const session = this.#session;
    session.tell('', ...describeHold(held, session), '');
    const countdown = new Countdown(session, held.expiresInMs ?? 0);
    const price = formatMoney(held.total, held.currency);
    try {
      countdown.start();
      const answer = await this.#prompt.askUntil(`Buy for ${price}? [y/N]`, countdown.over);
      if (answer === WITHDRAWN) {
        session.tell('', 'The time is over: the places are free again.', '');
        return 'over';
      }
      return isYes(answer) ? 'yes' : 'no';
    } finally {
      countdown.stop();
    }
  }

  /** null when the hold has ended; the person has been told. */
  async #confirm(held: Hold): Promise<Order | null> {
    try {
      return await this.#client.holds.confirm(held.id);
    } catch (error) {
      if (error instanceof FrontrowProblem && error.applied === false) return this.#again(error, held.event);
      // It may be bought: what may be an order is not released.
      this.#held = null;
      this.#session.tell(`Whether it was bought, tells: frontrow hold show ${held.id}`);
      throw error;
    }
  }

  /** Tells of a refusal after which other places may still be chosen; throws anything else. */
  #again(error: unknown, event: string): null {
    if (!(error instanceof FrontrowProblem) || !CHOOSE_AGAIN.has(error.code)) throw error;
    const context = { command: 'buy', event, hold: null, order: null };
    this.#session.tell(...describeFailure(error, context).slice(0, 2), '');
    return null;
  }

  async #letGo(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    if (held === null) return;
    try {
      await this.#client.holds.release(held.id);
      this.#session.tell('Nothing was bought. The places are free again.');
    } catch (error) {
      const until = held.expiresAt === null ? '' : ` It ends by itself at ${formatTime(held.expiresAt)}.`;
      this.#session.tell(
        `Nothing was bought, and the hold could not be released: ${(error as Error).message}.${until}`,
        `  Try: frontrow release ${held.id}`,
      );
    }
  }
}

const CHOOSE_AGAIN: ReadonlySet<string> = new Set([
  'sold-out',
  'not-enough-available',
  'no-adjacent-seats',
  'seat-unavailable',
  'invalid-request',
  'hold-expired',
  'hold-released',
]);
