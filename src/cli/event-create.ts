/** `frontrow event create`: from flags, a JSON file, or stdin. */
import type { EventInput } from '../client/index.ts';
import { checkRange, defineCommand, IDEMPOTENCY_KEY } from './command.ts';
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
    name: { type: 'string', requiresArg: true, describe: 'For people' },
    'starts-at': { type: 'string', requiresArg: true, describe: 'RFC 3339, such as 2027-01-15T19:00:00Z' },
    'time-zone': { type: 'string', requiresArg: true, describe: 'IANA name, such as Europe/Berlin' },
    currency: { type: 'string', requiresArg: true, describe: 'ISO 4217, such as EUR' },
    capacity: { type: 'number', requiresArg: true, describe: 'Places in one general section' },
    price: { type: 'number', requiresArg: true, describe: 'Of one place, in minor units; with --capacity' },
    open: { type: 'boolean', default: false, describe: 'On sale at once' },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ["frontrow event create --name 'Quiz night' --starts-at 2027-01-15T19:00:00Z --capacity 120 --open", ''],
    ['frontrow event create gala.json --open', ''],
  ],
  async run(args, session) {
    checkRange('capacity', args.capacity, 1, Number.MAX_SAFE_INTEGER);
    checkRange('price', args.price, 0, Number.MAX_SAFE_INTEGER);
    const input = await readInput(
      args,
      args.file === undefined ? {} : await readJsonObject(args.file, session),
    );
    const client = session.client();
    const event = await client.events.create(input, { idempotencyKey: args['idempotency-key'] });
    await session.show(event, event.id, () => describeEvent(event, session));
    const next =
      event.state === 'open' ? `Next: frontrow seats ${event.id}` : 'It is a draft and sells nothing yet.';
    if (!session.json) session.note(next);
  },
});

interface Flags {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly 'starts-at': string | undefined;
  readonly 'time-zone': string | undefined;
  readonly currency: string | undefined;
  readonly capacity: number | undefined;
  readonly price: number | undefined;
  readonly open: boolean;
}

/** Flags win over the file. What is wrong with the rest is for the server to say. */
async function readInput(flags: Flags, file: Record<string, unknown>): Promise<EventInput> {
  const input: Record<string, unknown> = { ...file };
  const given = {
    id: flags.id,
    name: flags.name,
    startsAt: flags['starts-at'],
    timeZone: flags['time-zone'],
  };
  for (const [name, value] of Object.entries({ ...given, currency: flags.currency })) {
    if (value !== undefined) input[name] = value;
  }
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
