/** `frontrow hold list`: an event's holds, page after page, printed as they come. */
import type { Hold } from '../client/index.ts';
import { checkRange, defineCommand, EVENT } from './command.ts';
import { formatMoney, formatTime } from './format.ts';
import type { Cell } from './format.ts';
import { placesText } from './hold-show.ts';
import { printList } from './list.ts';
import { HOLD_STATES, readStates } from './states.ts';
import { stateCell } from './style.ts';
import { cleanText } from './text-width.ts';

export const holdList = defineCommand({
  usage: 'list <event>',
  group: 'hold',
  describe: "List an event's holds",
  positionals: { event: EVENT },
  options: {
    customer: { type: 'string', requiresArg: true, describe: 'Only this customer’s' },
    reference: { type: 'string', requiresArg: true, describe: 'Only those with this reference' },
    state: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: `Only these: ${HOLD_STATES.join(', ')}`,
    },
    limit: { type: 'number', requiresArg: true, describe: 'At most this many' },
  },
  examples: [
    ['frontrow hold list gala --state held', ''],
    ['frontrow hold list gala --customer c-81 --quiet', 'ids only'],
  ],
  async run(args, session) {
    checkRange('limit', args.limit, 1, Number.MAX_SAFE_INTEGER);
    const state = readStates(args.state, HOLD_STATES);
    const filter = { customer: args.customer, reference: args.reference, state };
    await printList<Hold>(session, {
      pages: (limit) => session.client().holds.all(args.event, { ...filter, limit }),
      most: args.limit,
      idOf: (held) => held.id,
      headers: ['hold', 'state', '>total', '?until', '?customer', 'places'],
      rowOf,
      none: 'There are no such holds.',
    });
  },
});

function rowOf(held: Hold): Cell[] {
  return [
    held.id,
    stateCell(held.state),
    formatMoney(held.total, held.currency),
    held.expiresAt === null ? '' : formatTime(held.expiresAt),
    cleanText(held.customer ?? ''),
    placesText(held.items),
  ];
}
