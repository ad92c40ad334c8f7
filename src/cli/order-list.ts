/** `frontrow order list`: an event's orders, page after page, printed as they come. */
import type { Order } from '../client/index.ts';
import { checkRange, defineCommand, EVENT } from './command.ts';
import { formatMoney, formatTime } from './format.ts';
import type { Cell } from './format.ts';
import { printList } from './list.ts';
import { ORDER_STATES, readStates } from './states.ts';
import { stateCell } from './style.ts';
import { cleanText } from './text-width.ts';

export const orderList = defineCommand({
  usage: 'list <event>',
  group: 'order',
  describe: "List an event's orders",
  positionals: { event: EVENT },
  options: {
    customer: { type: 'string', requiresArg: true, describe: 'Only this customer’s' },
    reference: { type: 'string', requiresArg: true, describe: 'Only those with this reference' },
    state: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: `Only these: ${ORDER_STATES.join(', ')}`,
    },
    limit: { type: 'number', requiresArg: true, describe: 'At most this many' },
  },
  examples: [
    ['frontrow order list gala', ''],
    ['frontrow order list gala --reference pi_3N --json', ''],
  ],
  async run(args, session) {
    checkRange('limit', args.limit, 1, Number.MAX_SAFE_INTEGER);
    const state = readStates(args.state, ORDER_STATES);
    const filter = { customer: args.customer, reference: args.reference, state };
    await printList<Order>(session, {
      pages: (limit) => session.client().orders.all(args.event, { ...filter, limit }),
      most: args.limit,
      idOf: (order) => order.id,
      headers: ['order', 'state', '>total', '>tickets', '?created', '?customer', '?reference'],
      rowOf,
      none: 'There are no such orders.',
    });
  },
});

function rowOf(order: Order): Cell[] {
  const valid = order.tickets.filter((ticket) => ticket.state === 'valid').length;
  const { length } = order.tickets;
  return [
    order.id,
    stateCell(order.state),
    formatMoney(order.total, order.currency),
    valid === length ? String(length) : `${valid} of ${length}`,
    formatTime(order.createdAt),
    cleanText(order.customer ?? ''),
    cleanText(order.reference ?? ''),
  ];
}
