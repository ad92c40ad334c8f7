/** `frontrow history`: an event's changes in order of sequence, printed as the pages arrive. */
import type { Change } from '../client/index.ts';
import { checkRange, defineCommand, EVENT } from './command.ts';
import { cleanText, padEnd, padStart, truncate } from './text-width.ts';

const PAGE = 500;

export const history = defineCommand({
  usage: 'history <event>',
  describe: "List an event's changes",
  positionals: { event: EVENT },
  options: {
    after: { type: 'number', requiresArg: true, describe: 'Begin after this sequence' },
    seat: { type: 'string', requiresArg: true, describe: 'Only changes of this seat' },
    limit: { type: 'number', requiresArg: true, describe: 'At most this many changes' },
  },
  async run(args, session) {
    checkRange('after', args.after, 0, Number.MAX_SAFE_INTEGER);
    checkRange('limit', args.limit, 1, Number.MAX_SAFE_INTEGER);
    const most = args.limit ?? Infinity;
    const options = { after: args.after, seat: args.seat, limit: Math.min(PAGE, most) };
    let count = 0;
    for await (const change of session.client().events.history(args.event, options)) {
      if (session.json) await session.printJson(change);
      else if (session.quiet) await session.print(String(change.sequence));
      else await session.print(truncate(changeLine(change), Math.max(40, session.width)));
      if (++count >= most) break;
    }
    if (count === 0) session.note('No changes there.');
  },
});

/** `  1042  2027-01-15 18:00:04  held       stalls-A-12, 2 × floor  hold_…`. Pure. */
function changeLine(change: Change): string {
  const places = [
    ...change.seats,
    ...change.sections.map((section) => `${section.quantity} × ${section.section}`),
  ].join(', ');
  const time = change.time.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
  const claim = change.order ?? change.hold ?? '';
  const parts = [padStart(String(change.sequence), 7), time, padEnd(change.kind, 9), claim, places];
  if (change.customer !== undefined) parts.push(`customer ${change.customer}`);
  if (change.reference !== undefined) parts.push(`reference ${change.reference}`);
  return cleanText(parts.filter((part) => part !== '').join('  ')).trimEnd();
}
