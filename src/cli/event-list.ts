/** `frontrow event list`: all events, page after page. */
import type { EventSummary } from '../client/index.ts';
import { defineCommand } from './command.ts';
import { formatCount, formatTime } from './format.ts';
import { cleanText } from './text-width.ts';

const PAGE = 500;

export const eventList = defineCommand({
  usage: 'list',
  group: 'event',
  describe: 'List events',
  positionals: {},
  options: {},
  async run(_args, session) {
    const events: EventSummary[] = [];
    for await (const event of session.client().events.all({ limit: PAGE })) {
      if (session.json) await session.printJson(event);
      else if (session.quiet) await session.print(event.id);
      else events.push(event);
    }
    if (session.json || session.quiet) return;
    if (events.length === 0) {
      session.note('There are no events. Next: frontrow event create --help');
      return;
    }
    const rows = events.map((event) => [
      event.id,
      event.state,
      formatTime(event.startsAt, event.timeZone),
      formatCount(event.capacity),
      cleanText(event.name),
    ]);
    await session.print(...session.table(['event', 'state', 'starts', '>places', 'name'], rows));
  },
});
