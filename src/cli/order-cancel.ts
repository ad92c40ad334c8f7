/** `frontrow order cancel`: all of an order, or some of its tickets. */
import { defineCommand, IDEMPOTENCY_KEY, splitList } from './command.ts';
import { describeOrder } from './order-show.ts';

export const orderCancel = defineCommand({
  usage: 'cancel <order>',
  group: 'order',
  describe: 'Cancel an order, or some of its tickets',
  positionals: { order: { type: 'string', demandOption: true, describe: "The order's id" } },
  options: {
    tickets: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Only these tickets, by id; else all',
    },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  async run(args, session) {
    const tickets = splitList(args.tickets);
    const input = tickets.length === 0 ? {} : { tickets };
    const options = { idempotencyKey: args['idempotency-key'] };
    const order = await session.client().orders.cancel(args.order, input, options);
    await session.show(order, order.id, () => describeOrder(order, session));
  },
});
