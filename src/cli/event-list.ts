/** `frontrow event list`: all events, page after page. */
import type { ArchivedEvent, EventSummary } from '../client/index.ts';
import { defineCommand } from './command.ts';
import type { Cell } from './format.ts';
import { formatCount, formatTime } from './format.ts';
import { EVENT_STATES, readStates } from './states.ts';
import { stateCell } from './style.ts';
import { cleanText } from './text-width.ts';

const PAGE = 500;

export const eventList = defineCommand({
  usage: 'list',
  group: 'event',
  describe: 'List events',
  positionals: {},
  options: {
    state: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: `Only these: ${EVENT_STATES.join(', ')}; archived ones are listed only when asked for`,
    },
    availability: { type: 'boolean', default: false, describe: 'With what is available, held and sold' },
  },
  examples: [
    ['frontrow event list', ''],
    ['frontrow event list --state open,paused --availability', ''],
  ],
  async run(args, session) {
    const state = readStates(args.state, EVENT_STATES);
    const events: (EventSummary | ArchivedEvent)[] = [];
    const include = args.availability ? 'availability' : undefined;
    for await (const event of session.client().events.all({ limit: PAGE, state, include })) {
      if (session.json) await session.printJson(event);
      else if (session.quiet) await session.print(event.id);
      else events.push(event);
    }
    if (session.json || session.quiet) return;
    if (events.length === 0) {
      session.note(
        state === undefined
          ? 'There are no events. Next: frontrow event create --help'
          : 'There are no events in that state.',
      );
      return;
    }
    const counts = args.availability ? ['>available', '>held', '>sold', '>blocked'] : [];
    const headers = ['event', 'state', '?starts', '>places', ...counts, 'name'];
    await session.print(
      ...session.table(
        headers,
        events.map((event) => rowOf(event, args.availability)),
      ),
    );
  },
});

function rowOf(event: EventSummary | ArchivedEvent, withCounts: boolean): Cell[] {
  const isLive = event.state !== 'archived';
  const counts = isLive ? event.availability : undefined;
  const cells = withCounts
    ? (['available', 'held', 'sold', 'blocked'] as const).map((name) =>
        counts === undefined ? '' : formatCount(counts[name]),
      )
    : [];
  return [
    event.id,
    stateCell(event.state),
    formatTime(event.startsAt, isLive ? event.timeZone : 'UTC'),
    formatCount(event.capacity),
    ...cells,
    cleanText(event.name),
  ];
}
