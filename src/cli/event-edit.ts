/** `frontrow event edit`: flags for common fields, JSON on stdin or from a file, or an editor. */
import { isDeepStrictEqual } from 'node:util';
import type { EventDefinition, EventPatch } from '../client/index.ts';
import { checkRange, defineCommand, EVENT, IDEMPOTENCY_KEY } from './command.ts';
import { editText } from './editor.ts';
import { EVENT_FIELD_OPTIONS, readEventFields } from './event-fields.ts';
import type { EventFieldArgs } from './event-fields.ts';
import { describeEvent, liveEvent } from './event-show.ts';
import { UsageError } from './exits.ts';
import { IF_MATCH, readIfMatch } from './if-match.ts';
import { parseJsonObject, readJsonObject } from './input.ts';
import type { Session } from './session.ts';

export const eventEdit = defineCommand({
  usage: 'edit <event> [file]',
  group: 'event',
  describe: 'Change an event: by options, by JSON, or in $EDITOR',
  positionals: {
    event: EVENT,
    file: { type: 'string', describe: 'JSON as PATCH /v1/events/EVENT takes it; - is stdin' },
  },
  options: {
    ...EVENT_FIELD_OPTIONS,
    section: { type: 'string', requiresArg: true, describe: 'The section that --capacity and --price mean' },
    capacity: { type: 'number', requiresArg: true, describe: 'Places in a general section' },
    price: { type: 'number', requiresArg: true, describe: 'Of one place in --section, in minor units' },
    'if-match': IF_MATCH,
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow event edit gala --name "Winter Gala 2027" --sales-until 2027-01-15T18:00:00Z', ''],
    [
      'frontrow event edit gala --section floor --capacity 6000',
      'more places; fewer only while they are free',
    ],
    ['frontrow event edit gala - --if-match 3 < change.json', 'only if nobody changed it since version 3'],
    ['frontrow event edit gala', 'opens $EDITOR, on a terminal'],
  ],
  notes:
    'Options win over the JSON. Prices and limits hold for what is taken from now on. Rows and seats never change, ' +
    'and nor does the currency.',
  async run(args, session) {
    const given = readPatch(args, args.file === undefined ? {} : await readJsonObject(args.file, session));
    const client = session.client();
    let patch: EventPatch = given;
    let ifMatch = await readIfMatch(client, args.event, args['if-match']);
    if (args.file === undefined && Object.keys(given).length === 0) {
      if (!session.canAsk || !session.isTerminal) {
        throw new UsageError('say what to change: options such as --name, a JSON file, or - for stdin');
      }
      const { etag, value } = await client.events.getTagged(args.event);
      const event = liveEvent(value);
      const edited = await editDefinition(event, session);
      if (edited === null) return session.note('Nothing was changed.');
      patch = edited;
      // What the person looked at is what is changed; another's change in the meantime is not overwritten.
      ifMatch ??= etag ?? undefined;
    }
    const options = { ifMatch, idempotencyKey: args['idempotency-key'] };
    const event = await client.events.patch(args.event, patch, options);
    await session.show(event, event.id, () => describeEvent(event, session));
  },
});

interface Flags extends EventFieldArgs {
  readonly section: string | undefined;
  readonly capacity: number | undefined;
  readonly price: number | undefined;
}

/** Flags win over the file. What is wrong with the rest is for the server to say. */
function readPatch(flags: Flags, file: Record<string, unknown>): EventPatch {
  checkRange('capacity', flags.capacity, 1, Number.MAX_SAFE_INTEGER);
  checkRange('price', flags.price, 0, Number.MAX_SAFE_INTEGER);
  const fields = readEventFields(flags);
  const patch: Record<string, unknown> = { ...file, ...fields };
  if (fields['limits'] !== undefined) {
    patch['limits'] = { ...(file['limits'] as object | undefined), ...fields['limits'] };
  }
  const { section, capacity, price } = flags;
  if (section === undefined) {
    if (price !== undefined) throw new UsageError('--price goes with --section');
    if (capacity !== undefined) patch['capacity'] = capacity;
    return patch;
  }
  if (capacity === undefined && price === undefined) {
    throw new UsageError('--section goes with --capacity or --price');
  }
  const change = {
    id: section,
    ...(capacity === undefined ? {} : { capacity }),
    ...(price === undefined ? {} : { price }),
  };
  patch['sections'] = [...((file['sections'] as unknown[] | undefined) ?? []), change];
  return patch;
}

const EDITED = [
  'name',
  'startsAt',
  'timeZone',
  'salesFrom',
  'salesUntil',
  'metadata',
  'limits',
  'categories',
] as const;

/** What the person made of it, as far as it is another; null for nothing. */
async function editDefinition(event: EventDefinition, session: Session): Promise<EventPatch | null> {
  const before = editablePart(event);
  const text = await editText(`${JSON.stringify(before, null, 2)}\n`, `${event.id}.json`, session);
  const after = parseJsonObject(text, 'what was written');
  const patch: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    if (isDeepStrictEqual(value, before[name])) continue;
    patch[name] = name === 'sections' && Array.isArray(value) ? changedSections(value, before) : value;
  }
  // A section that was taken out of the text stays: sections are never removed.
  if (Array.isArray(patch['sections']) && patch['sections'].length === 0) delete patch['sections'];
  return Object.keys(patch).length === 0 ? null : patch;
}

/** Sections without their rows, which never change. */
function editablePart(event: EventDefinition): Record<string, unknown> {
  const part: Record<string, unknown> = {};
  for (const name of EDITED) part[name] = event[name];
  part['sections'] = event.sections.map(({ id, name, kind, capacity, price, category }) => ({
    id,
    name,
    ...(kind === 'general' ? { capacity } : {}),
    ...(category === null ? { price } : { category }),
  }));
  return part;
}

/** Of each section its id and what is another; a new one whole. */
function changedSections(sections: readonly unknown[], before: Record<string, unknown>): unknown[] {
  const known = new Map(
    (before['sections'] as Record<string, unknown>[]).map((section) => [section['id'], section]),
  );
  return sections.flatMap((section) => {
    const old = isRecord(section) ? known.get(section['id']) : undefined;
    if (!isRecord(section) || old === undefined) return [section];
    const changes = Object.entries(section).filter(([name, value]) => !isDeepStrictEqual(value, old[name]));
    return changes.length === 0 ? [] : [{ id: section['id'], ...Object.fromEntries(changes) }];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
