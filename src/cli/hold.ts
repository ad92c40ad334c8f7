/** `frontrow hold`: take places until a deadline. Also says how a hold is described to people. */
import type { Hold, HoldInput, HoldItem, ItemInput } from '../client/index.ts';
import { checkRange, defineCommand, EVENT, IDEMPOTENCY_KEY, splitList } from './command.ts';
import { UsageError } from './exits.ts';
import { formatDuration, formatMoney, formatTime } from './format.ts';
import type { Session } from './session.ts';

export const hold = defineCommand({
  usage: 'hold <event>',
  describe: 'Take places until a deadline',
  positionals: { event: EVENT },
  options: {
    customer: { type: 'string', requiresArg: true, describe: 'Whom for; opaque, no personal data' },
    seats: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'These seats, such as stalls-A-12,stalls-A-13',
    },
    section: {
      type: 'string',
      requiresArg: true,
      describe: 'The best places in this section, with --quantity',
    },
    quantity: { type: 'number', requiresArg: true, describe: 'How many of --section' },
    adjacent: {
      choices: ['required', 'preferred'],
      requiresArg: true,
      describe: 'Side by side, in a seated section',
    },
    seconds: { type: 'number', requiresArg: true, describe: "How long; the event's own time unless given" },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow hold gala --customer c-81 --seats stalls-A-12,stalls-A-13', ''],
    ['frontrow hold gala --customer c-81 --section floor --quantity 2', ''],
  ],
  async run(args, session) {
    checkRange('quantity', args.quantity, 1, 100);
    checkRange('seconds', args.seconds, 1, Number.MAX_SAFE_INTEGER);
    const input: HoldInput = {
      items: readItems(splitList(args.seats), args.section, args.quantity, args.adjacent),
      ...(args.customer === undefined ? {} : { customer: args.customer }),
      ...(args.seconds === undefined ? {} : { seconds: args.seconds }),
    };
    const held = await session
      .client()
      .holds.create(args.event, input, { idempotencyKey: args['idempotency-key'] });
    await session.show(held, held.id, () => describeHold(held, session));
    if (!session.json) session.note(`Next: frontrow confirm ${held.id}`);
  },
});

function readItems(
  seats: readonly string[],
  section: string | undefined,
  quantity: number | undefined,
  adjacent: 'required' | 'preferred' | undefined,
): ItemInput[] {
  const items: ItemInput[] = seats.map((seat) => ({ seat }));
  if (section !== undefined) {
    if (quantity === undefined) throw new UsageError('--section goes with --quantity');
    items.push({ section, quantity, ...(adjacent === undefined ? {} : { adjacent }) });
  } else if (quantity !== undefined || adjacent !== undefined) {
    throw new UsageError(`--${quantity === undefined ? 'adjacent' : 'quantity'} goes with --section`);
  }
  if (items.length === 0) throw new UsageError('say what to hold: --seats, or --section with --quantity');
  return items;
}

function describeHold(held: Hold, session: Session): string[] {
  const fields: [string, string][] = [
    ['hold', held.id],
    ['order', `${held.order} once confirmed`],
    ['event', held.event],
    ['state', held.state],
    ['total', formatMoney(held.total, held.currency)],
    ['until', untilText(held)],
    ['sequence', String(held.sequence)],
  ];
  if (held.adjacent !== undefined && held.items.length > 1)
    fields.push(['adjacent', held.adjacent ? 'yes' : 'no']);
  return [...session.fields(fields), '', ...describeItems(held.items, held.currency, session)];
}

function untilText(held: Hold): string {
  if (held.expiresAt === null) return 'no deadline';
  const left = held.expiresInMs === undefined ? '' : ` (${formatDuration(held.expiresInMs)})`;
  return `${formatTime(held.expiresAt)}${left}`;
}

function describeItems(items: readonly HoldItem[], currency: string | null, session: Session): string[] {
  const rows = items.map((item) =>
    'seat' in item
      ? [item.seat, '1', formatMoney(item.price, currency)]
      : [item.section, String(item.quantity), formatMoney(item.price, currency)],
  );
  return session.table(['place', '>count', '>price each'], rows);
}
