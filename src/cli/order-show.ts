/** `frontrow order show`, and how an order is described to people. */
import type { Order } from '../client/index.ts';
import { defineCommand } from './command.ts';
import { formatMoney, formatTime } from './format.ts';
import type { Session } from './session.ts';
import { cleanText } from './text-width.ts';

export const orderShow = defineCommand({
  usage: 'show <order>',
  group: 'order',
  describe: 'Show an order and its tickets',
  positionals: { order: { type: 'string', demandOption: true, describe: "The order's id" } },
  options: {},
  async run(args, session) {
    const order = await session.client().orders.get(args.order);
    await session.show(order, order.id, () => describeOrder(order, session));
  },
});

export function describeOrder(order: Order, session: Session): string[] {
  const money = (minor: number | null): string => formatMoney(minor, order.currency);
  const fields: [string, string][] = [
    ['order', order.id],
    ['event', order.event],
    ['state', order.state],
    ['total', money(order.total)],
  ];
  if (order.cancelledTotal !== null && order.cancelledTotal > 0)
    fields.push(['cancelled', money(order.cancelledTotal)]);
  for (const name of ['customer', 'reference'] as const) {
    const value = order[name] ?? null;
    if (value !== null) fields.push([name, cleanText(value)]);
  }
  fields.push(['created', formatTime(order.createdAt)], ['sequence', String(order.sequence)]);
  const rows = order.tickets.map((ticket) => [
    ticket.id,
    ticket.seat ?? ticket.section,
    money(ticket.price),
    ticket.state,
  ]);
  return [...session.fields(fields), '', ...session.table(['ticket', 'place', '>price', 'state'], rows)];
}
