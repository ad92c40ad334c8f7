/** `frontrow history`: an event's changes in order of sequence, printed as the pages arrive; or as they happen. */
import type { Change, FrontrowClient } from '../client/index.ts';
import { checkRange, defineCommand, EVENT } from './command.ts';
import { EXIT } from './exits.ts';
import { follow } from './live.ts';
import type { Session } from './session.ts';
import { cleanText, padEnd, padStart, wrapText } from './text-width.ts';

const PAGE = 500;
/** Where a line goes on that the terminal has no room for: under the claim. */
const PLACES_COLUMN = 41;

export const history = defineCommand({
  usage: 'history <event>',
  describe: "List an event's changes",
  positionals: { event: EVENT },
  options: {
    after: { type: 'number', requiresArg: true, describe: 'Begin after this sequence' },
    seat: { type: 'string', requiresArg: true, describe: 'Only changes of this seat' },
    limit: { type: 'number', requiresArg: true, describe: 'At most this many changes' },
    follow: { type: 'boolean', default: false, describe: 'Go on with changes as they happen, until Ctrl-C' },
  },
  examples: [
    ['frontrow history gala --seat stalls-A-12', 'whose was it?'],
    ['frontrow history gala --after 1042 --follow --json', ''],
  ],
  async run(args, session) {
    checkRange('after', args.after, 0, Number.MAX_SAFE_INTEGER);
    checkRange('limit', args.limit, 1, Number.MAX_SAFE_INTEGER);
    const client = session.client();
    const reader = new Reader(client, session, args.event, args.seat, args.limit ?? Infinity);
    reader.last = args.after ?? 0;
    try {
      if (await reader.printNew()) return EXIT.ok;
      if (!args.follow) {
        if (reader.count === 0) session.note('No changes there.');
        return EXIT.ok;
      }
      for await (const update of follow(client, args.event, reader.last, session)) {
        if (update.type === 'change' && update.sequence <= reader.last) continue;
        if (await reader.printNew()) return EXIT.ok;
        if (update.type === 'change') reader.last = Math.max(reader.last, update.sequence);
      }
    } catch (error) {
      if (!args.follow || !session.terminal.signal.aborted) throw error;
    }
    return EXIT.ok;
  },
});

/** Prints what the history has after the last change that was printed. */
class Reader {
  /** Sequence up to which everything is printed. */
  last = 0;
  count = 0;
  readonly #client: FrontrowClient;
  readonly #session: Session;
  readonly #event: string;
  readonly #seat: string | undefined;
  readonly #most: number;

  constructor(
    client: FrontrowClient,
    session: Session,
    event: string,
    seat: string | undefined,
    most: number,
  ) {
    this.#client = client;
    this.#session = session;
    this.#event = event;
    this.#seat = seat;
    this.#most = most;
  }

  /** True once there were as many as asked for. */
  async printNew(): Promise<boolean> {
    const session = this.#session;
    const options = { after: this.last, seat: this.#seat, limit: Math.min(PAGE, this.#most) };
    for await (const change of this.#client.events.history(this.#event, options)) {
      if (session.json) await session.printJson(change);
      else if (session.quiet) await session.print(String(change.sequence));
      else {
        const line = changeLine(change);
        await session.print(...(session.isTerminal ? wrapText(line, session.width, PLACES_COLUMN) : [line]));
      }
      this.last = change.sequence;
      if (++this.count >= this.#most) return true;
    }
    return false;
  }
}

/** `  1042  2027-01-15 18:00:04  held       hold_…  stalls-A-12, 2 × floor`. Pure. */
function changeLine(change: Change): string {
  const places = [
    ...change.seats,
    ...change.sections.flatMap(({ section, quantity }) => {
      // Seats that are named may be counted among their section's places as well.
      const named = change.seats.filter((seat) => sectionOf(seat) === section).length;
      return quantity > named ? [`${quantity - named} × ${section}`] : [];
    }),
  ].join(', ');
  const time = change.time.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
  const claim = change.order ?? change.hold ?? '';
  const parts = [padStart(String(change.sequence), 7), time, padEnd(change.kind, 9), claim, places];
  if (change.customer !== undefined) parts.push(`customer ${change.customer}`);
  if (change.reference !== undefined) parts.push(`reference ${change.reference}`);
  if (change.state !== undefined) parts.push(change.state);
  if (change.version !== undefined) parts.push(`version ${change.version}`);
  if (change.to === 'blocked') parts.push('to blocked');
  if (change.reason !== undefined) parts.push(`reason ${change.reason}`);
  return cleanText(parts.filter((part) => part !== '').join('  ')).trimEnd();
}

function sectionOf(seat: string): string {
  return seat.split('-').slice(0, -2).join('-');
}
