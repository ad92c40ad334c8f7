/** `frontrow event show`: the definition, with each section's size and prices. */
import type { ArchivedEvent, EventDefinition } from '../client/index.ts';
import { defineCommand, EVENT } from './command.ts';
import { UsageError } from './exits.ts';
import { formatCount, formatDuration, formatMoney, formatTime } from './format.ts';
import type { Cell } from './format.ts';
import { priceText } from './prices.ts';
import type { Session } from './session.ts';
import { stateCell } from './style.ts';
import { cleanText } from './text-width.ts';

type Field = readonly [label: string, value: Cell];

export const eventShow = defineCommand({
  usage: 'show <event>',
  group: 'event',
  describe: "Show an event's definition",
  positionals: { event: EVENT },
  options: {},
  examples: [
    ['frontrow event show gala', ''],
    ['frontrow event show gala --json', 'to change it and hand it to event edit'],
  ],
  async run(args, session) {
    const event = await session.client().events.get(args.event);
    await session.show(event, event.id, () => describeEvent(event, session));
  },
});

export function describeEvent(event: EventDefinition | ArchivedEvent, session: Session): string[] {
  const fields: Field[] = [
    ['id', event.id],
    ['name', [cleanText(event.name), 'strong']],
    ['state', stateCell(event.state)],
    ['starts', bothTimes(event.startsAt, isArchived(event) ? 'UTC' : event.timeZone)],
  ];
  if (isArchived(event)) return session.fields([...fields, ...archiveFields(event)]);
  const { limits, categories } = event;
  if (event.salesFrom !== null) fields.push(['sold from', bothTimes(event.salesFrom, event.timeZone)]);
  if (event.salesUntil !== null) fields.push(['sold until', bothTimes(event.salesUntil, event.timeZone)]);
  const holdTime = formatDuration(limits.holdSeconds * 1000);
  fields.push(
    ['holds', `${holdTime}, at most ${formatDuration(limits.maxHoldSeconds * 1000)}`],
    ['tickets', `${limits.ticketsPerHold} a hold at most`],
  );
  const customer = [
    ...(limits.ticketsPerCustomer === null ? [] : [`${limits.ticketsPerCustomer} tickets`]),
    ...(limits.holdsPerCustomer === null ? [] : [`${limits.holdsPerCustomer} holds`]),
  ];
  if (customer.length > 0) fields.push(['customer', `${customer.join(', ')} at most`]);
  if (Object.keys(event.metadata).length > 0)
    fields.push(['metadata', cleanText(JSON.stringify(event.metadata))]);
  fields.push(['version', String(event.version)]);

  const rows = event.sections.map((section) => [
    section.id,
    cleanText(section.name),
    section.kind === 'seated'
      ? `${section.rows.length} ${section.rows.length === 1 ? 'row' : 'rows'}`
      : 'general',
    formatCount(section.capacity),
    priceText(section, event),
  ]);
  const lines = session.fields(fields);
  lines.push('', ...session.table(['section', 'name', 'kind', '>places', '>price'], rows));
  if (categories.length === 0) return lines;
  const prices = categories.flatMap((category) =>
    category.prices.map((entry, index) => [
      index === 0 ? category.id : '',
      entry.type,
      formatMoney(entry.price, event.currency),
      index === 0 ? cleanText(category.name) : '',
    ]),
  );
  return [...lines, '', ...session.table(['category', 'type', '>price', 'name'], prices)];
}

export function isArchived(event: EventDefinition | ArchivedEvent): event is ArchivedEvent {
  return event.state === 'archived';
}

/** Throws a UsageError for an archived event, which has neither seats nor prices any more. */
export function liveEvent(event: EventDefinition | ArchivedEvent): EventDefinition {
  if (isArchived(event)) {
    throw new UsageError(`${event.id} is archived: only frontrow event show and frontrow history know it`);
  }
  return event;
}

function archiveFields(event: ArchivedEvent): Field[] {
  return [
    ['places', formatCount(event.capacity)],
    ['sold', formatCount(event.sold)],
    ['archived', formatTime(event.archivedAt)],
    ['version', String(event.version)],
  ];
}

/** Where the event is, and in UTC where that is another time. */
function bothTimes(time: string, timeZone: string): string {
  const there = formatTime(time, timeZone);
  return timeZone === 'UTC' ? there : `${there} (${formatTime(time)})`;
}
