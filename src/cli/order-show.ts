/** `frontrow order show`, and how an order is described to people. */
import type { Order } from '../client/index.ts';
import { defineCommand, ORDER } from './command.ts';
import { formatMoney, formatTime } from './format.ts';
import type { Cell } from './format.ts';
import { claimFields } from './hold-show.ts';
import type { Session } from './session.ts';
import { stateCell } from './style.ts';

export const orderShow = defineCommand({
  usage: 'show <order>',
  group: 'order',
  describe: 'Show an order and its tickets',
  positionals: { order: ORDER },
  options: {},
  examples: [['frontrow order show order_X', '']],
  async run(args, session) {
    const order = await session.client().orders.get(args.order);
    await session.show(order, order.id, () => describeOrder(order, session));
  },
});

export function describeOrder(order: Order, session: Session): string[] {
  const money = (minor: number | null): string => formatMoney(minor, order.currency);
  const fields: [string, Cell][] = [
    ['order', order.id],
    ['event', order.event],
    ['state', stateCell(order.state)],
    ['total', [money(order.total), 'strong']],
  ];
  if (order.cancelledTotal > 0) fields.push(['cancelled', money(order.cancelledTotal)]);
  fields.push(...claimFields(order), ['created', formatTime(order.createdAt)]);
  if (order.updatedAt !== order.createdAt) fields.push(['updated', formatTime(order.updatedAt)]);
  fields.push(['sequence', String(order.sequence)]);
  const rows = order.tickets.map((ticket) => [
    ticket.id,
    ticket.seat ?? ticket.section,
    ticket.type,
    money(ticket.price),
    stateCell(ticket.state),
  ]);
  const headers = ['ticket', 'place', '?type', '>price', 'state'];
  return [...session.fields(fields), '', ...session.table(headers, rows)];
}
