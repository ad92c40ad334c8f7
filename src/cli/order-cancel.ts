/** `frontrow order cancel`: all of an order, or some of its tickets. */
import type { CancelInput } from '../client/index.ts';
import { defineCommand, IDEMPOTENCY_KEY, ORDER, splitList } from './command.ts';
import { describeOrder } from './order-show.ts';

export const orderCancel = defineCommand({
  usage: 'cancel <order>',
  group: 'order',
  describe: 'Cancel an order, or some of its tickets',
  positionals: { order: ORDER },
  options: {
    ticket: {
      type: 'string',
      array: true,
      requiresArg: true,
      alias: 'tickets',
      describe: 'Only these tickets, by id; else all',
    },
    to: {
      choices: ['available', 'blocked'],
      requiresArg: true,
      describe: 'Where the places go; available unless given',
    },
    reason: { type: 'string', requiresArg: true, describe: 'Kept in the history; no personal data' },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow order cancel order_X', 'all of it'],
    ['frontrow order cancel order_X --ticket ticket_X_1,ticket_X_2 --reason refund', ''],
    ['frontrow order cancel order_X --to blocked', 'the places do not go back on sale'],
  ],
  async run(args, session) {
    const tickets = splitList(args.ticket);
    const input: CancelInput = {
      ...(tickets.length === 0 ? {} : { tickets }),
      ...(args.to === undefined ? {} : { to: args.to === 'blocked' ? 'blocked' : 'available' }),
      ...(args.reason === undefined ? {} : { reason: args.reason }),
    };
    const options = { idempotencyKey: args['idempotency-key'] };
    const order = await session.client().orders.cancel(args.order, input, options);
    await session.show(order, order.id, () => describeOrder(order, session));
  },
});
