/** `frontrow event create`: from flags, a JSON file, or stdin. */
import type { EventInput } from '../client/index.ts';
import { checkRange, defineCommand, IDEMPOTENCY_KEY } from './command.ts';
import { EVENT_FIELD_OPTIONS, readEventFields } from './event-fields.ts';
import type { EventFieldArgs } from './event-fields.ts';
import { describeEvent } from './event-show.ts';
import { UsageError } from './exits.ts';
import { readJsonObject } from './input.ts';

export const eventCreate = defineCommand({
  usage: 'create [file]',
  group: 'event',
  describe: 'Define an event, from flags or a JSON file (- is stdin)',
  positionals: { file: { type: 'string', describe: 'JSON as POST /v1/events takes it; - is stdin' } },
  options: {
    id: { type: 'string', requiresArg: true, describe: 'Made by the server unless given' },
    ...EVENT_FIELD_OPTIONS,
    currency: { type: 'string', requiresArg: true, describe: 'ISO 4217, such as EUR' },
    capacity: { type: 'number', requiresArg: true, describe: 'Places in one general section' },
    price: { type: 'number', requiresArg: true, describe: 'Of one place, in minor units; with --capacity' },
    open: { type: 'boolean', default: false, describe: 'On sale at once' },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ["frontrow event create --name 'Quiz night' --starts-at 2027-01-15T19:00:00Z --capacity 120 --open", ''],
    ['frontrow event create gala.json --open', ''],
    ['frontrow event create - --id gala-2 < gala.json', ''],
  ],
  async run(args, session) {
    checkRange('capacity', args.capacity, 1, Number.MAX_SAFE_INTEGER);
    checkRange('price', args.price, 0, Number.MAX_SAFE_INTEGER);
    const file = args.file === undefined ? {} : await readJsonObject(args.file, session);
    const client = session.client();
    const event = await client.events.create(readInput(args, file), {
      idempotencyKey: args['idempotency-key'],
    });
    await session.show(event, event.id, () => describeEvent(event, session));
    session.next(
      event.state === 'open'
        ? `Next: frontrow seats ${event.id}`
        : `It is a draft and sells nothing yet. Next: frontrow event open ${event.id}`,
    );
  },
});

interface Flags extends EventFieldArgs {
  readonly id: string | undefined;
  readonly currency: string | undefined;
  readonly capacity: number | undefined;
  readonly price: number | undefined;
  readonly open: boolean;
}

/** Flags win over the file. What is wrong with the rest is for the server to say. */
function readInput(flags: Flags, file: Record<string, unknown>): EventInput {
  const fields = readEventFields(flags);
  const input: Record<string, unknown> = {
    ...file,
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...fields,
    ...(flags.currency === undefined ? {} : { currency: flags.currency }),
  };
  if (fields['limits'] !== undefined)
    input['limits'] = { ...(file['limits'] as object | undefined), ...fields['limits'] };
  if (flags.open) input['state'] = 'open';
  if (flags.capacity !== undefined) {
    if (input['sections'] !== undefined)
      throw new UsageError('--capacity does not go with sections in the file');
    if (flags.price === undefined) input['capacity'] = flags.capacity;
    else {
      const section = { id: 'general', kind: 'general', capacity: flags.capacity, price: flags.price };
      input['sections'] = [section];
    }
  } else if (flags.price !== undefined) throw new UsageError('--price goes with --capacity');
  if (Object.keys(file).length === 0) requireFlags(input);
  return input as unknown as EventInput;
}

function requireFlags(input: Record<string, unknown>): void {
  const missing: string[] = [];
  if (input['name'] === undefined) missing.push('--name');
  if (input['startsAt'] === undefined) missing.push('--starts-at');
  if (input['capacity'] === undefined && input['sections'] === undefined) missing.push('--capacity');
  if (missing.length > 0) throw new UsageError(`give ${missing.join(', ')}, or a JSON file`);
}
