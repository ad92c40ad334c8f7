/** `frontrow event archive`: gives an event's memory back, and says what goes with it. */
import type { FrontrowClient } from '../client/index.ts';
import { defineCommand, EVENT, IDEMPOTENCY_KEY } from './command.ts';
import { describeEvent, isArchived } from './event-show.ts';
import { EXIT, UsageError } from './exits.ts';
import { formatCount } from './format.ts';
import { IF_MATCH, readIfMatch } from './if-match.ts';
import { Interrupted, Prompt } from './prompt.ts';
import type { Session } from './session.ts';

export const eventArchive = defineCommand({
  usage: 'archive <event>',
  group: 'event',
  describe: 'Give the memory of a closed event back; its orders cannot be read any more',
  positionals: { event: EVENT },
  options: {
    yes: { type: 'boolean', default: false, alias: 'y', describe: 'Do not ask' },
    'if-match': IF_MATCH,
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow order export gala --format csv --output gala.csv', 'keep the orders first'],
    ['frontrow event archive gala', 'asks, on a terminal'],
    ['frontrow event archive gala --yes', 'in a script'],
  ],
  async run(args, session) {
    if (!args.yes && !session.canAsk) {
      throw new UsageError('archive takes orders away and asks nobody in a pipe: give --yes');
    }
    const client = session.client();
    const ifMatch = await readIfMatch(client, args.event, args['if-match']);
    if (!args.yes && !(await mayArchive(client, args.event, session))) {
      session.tell('Nothing was changed.');
      return EXIT.ok;
    }
    const options = { ifMatch, idempotencyKey: args['idempotency-key'] };
    const event = await client.events.patch(args.event, { state: 'archived' }, options);
    await session.show(event, event.id, () => describeEvent(event, session));
    return EXIT.ok;
  },
});

async function mayArchive(client: FrontrowClient, id: string, session: Session): Promise<boolean> {
  const event = await client.events.get(id);
  if (isArchived(event)) return true;
  const { capacity, sold, held } = await client.events.availability(id);
  session.tell(
    `Archiving ${event.id} takes away for good:`,
    `  the orders: ${formatCount(sold)} of ${formatCount(capacity)} places are sold; order and ticket ids become unknown`,
    '  the seat map, the definition, and the idempotency keys',
    'What stays: the id, name, times, places and places sold, and the history until it is trimmed.',
  );
  if (held > 0) session.tell(`${formatCount(held)} places are held now: while holds live it is refused.`);
  session.tell(`To keep the orders: frontrow order export ${event.id} --output ${event.id}.ndjson`);
  const prompt = new Prompt(session);
  try {
    return await prompt.confirm(`Archive ${event.id}?`);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    session.tell('');
    return false;
  } finally {
    prompt.close();
  }
}
