/** `frontrow hold show`, and how a hold is described to people. */
import type { Hold, HoldItem } from '../client/index.ts';
import { defineCommand, HOLD } from './command.ts';
import { formatDuration, formatMoney, formatTime } from './format.ts';
import type { Cell } from './format.ts';
import type { Session } from './session.ts';
import { stateCell } from './style.ts';
import { cleanText } from './text-width.ts';

export const holdShow = defineCommand({
  usage: 'show <hold>',
  group: 'hold',
  describe: 'Show a hold, its places and its deadline',
  positionals: { hold: HOLD },
  options: {},
  examples: [['frontrow hold show hold_X', '']],
  async run(args, session) {
    const held = await session.client().holds.get(args.hold);
    await session.show(held, held.id, () => describeHold(held, session));
  },
});

export function describeHold(held: Hold, session: Session): string[] {
  const fields: [string, Cell][] = [
    ['hold', held.id],
    ['order', held.state === 'confirmed' ? held.order : `${held.order} once confirmed`],
    ['event', held.event],
    ['state', stateCell(held.state)],
    ['total', [formatMoney(held.total, held.currency), 'strong']],
    ['until', untilText(held)],
    ...claimFields(held),
    ['sequence', String(held.sequence)],
  ];
  if (held.adjacent !== undefined && held.items.length > 1)
    fields.push(['adjacent', held.adjacent ? 'yes' : 'no: they are in more than one group']);
  return [...session.fields(fields), '', ...describeItems(held.items, held.currency, session)];
}

/** What holds and orders alike may carry, where they do. */
export function claimFields(claim: {
  readonly customer: string | null;
  readonly reference: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}): [string, string][] {
  const fields: [string, string][] = [];
  if (claim.customer !== null) fields.push(['customer', cleanText(claim.customer)]);
  if (claim.reference !== null) fields.push(['reference', cleanText(claim.reference)]);
  const metadata = JSON.stringify(claim.metadata);
  if (metadata !== '{}') fields.push(['metadata', cleanText(metadata)]);
  return fields;
}

function untilText(held: Hold): string {
  if (held.expiresAt === null) return 'no deadline';
  const left = held.expiresInMs === undefined ? '' : ` (${formatDuration(held.expiresInMs)})`;
  return `${formatTime(held.expiresAt)}${left}`;
}

function describeItems(items: readonly HoldItem[], currency: string | null, session: Session): string[] {
  const rows = items.map((item) => [
    'seat' in item ? item.seat : item.section,
    item.type,
    'seat' in item ? '1' : String(item.quantity),
    formatMoney(item.price, currency),
  ]);
  return session.table(['place', 'type', '>count', '>price each'], rows);
}

/** `stalls-A-12, 2 × floor`: all places in one line. */
export function placesText(items: readonly HoldItem[]): string {
  return items.map((item) => ('seat' in item ? item.seat : `${item.quantity} × ${item.section}`)).join(', ');
}
