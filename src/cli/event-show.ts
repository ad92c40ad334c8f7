/** `frontrow event show`: the definition, with each section's size and price. */
import type { EventDefinition } from '../client/index.ts';
import { defineCommand, EVENT } from './command.ts';
import { formatCount, formatDuration, formatMoney, formatTime } from './format.ts';
import type { Session } from './session.ts';
import { cleanText } from './text-width.ts';

export const eventShow = defineCommand({
  usage: 'show <event>',
  group: 'event',
  describe: "Show an event's definition",
  positionals: { event: EVENT },
  options: {},
  async run(args, session) {
    const event = await session.client().events.get(args.event);
    await session.show(event, event.id, () => describeEvent(event, session));
  },
});

export function describeEvent(event: EventDefinition, session: Session): string[] {
  const { limits } = event;
  const fields = session.fields([
    ['id', event.id],
    ['name', cleanText(event.name)],
    ['state', event.state],
    ['starts', formatTime(event.startsAt, event.timeZone)],
    [
      'holds',
      `${formatDuration(limits.holdSeconds * 1000)}, at most ${formatDuration(limits.maxHoldSeconds * 1000)}`,
    ],
    ['tickets', `${limits.ticketsPerHold} a hold at most`],
    ['version', String(event.version)],
  ]);
  const rows = event.sections.map((section) => [
    section.id,
    cleanText(section.name),
    section.kind === 'seated' ? `${section.rows.length} rows` : 'general',
    formatCount(section.capacity),
    formatMoney(section.price, event.currency),
  ]);
  return [...fields, '', ...session.table(['section', 'name', 'kind', '>places', '>price'], rows)];
}
