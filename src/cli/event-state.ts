/** `frontrow event open`, `pause` and `close`: three names for one change, of the state alone. */
import type { LiveEventState } from '../client/index.ts';
import { defineCommand, EVENT, IDEMPOTENCY_KEY } from './command.ts';
import type { Command } from './command.ts';
import { describeEvent } from './event-show.ts';
import { readIfMatch, IF_MATCH } from './if-match.ts';

export const eventOpen = stateCommand('open', 'open', 'Put an event on sale', 'Next: frontrow seats EVENT');
export const eventPause = stateCommand(
  'pause',
  'paused',
  'Stop the sale for a while; what is held can still be bought',
  'Next: frontrow event open EVENT',
);
export const eventClose = stateCommand(
  'close',
  'closed',
  'End the sale; what is held can still be bought',
  'Next: frontrow order export EVENT, then frontrow event archive EVENT',
);

function stateCommand(verb: string, state: LiveEventState, describe: string, next: string): Command {
  return defineCommand({
    usage: `${verb} <event>`,
    group: 'event',
    describe,
    positionals: { event: EVENT },
    options: { 'if-match': IF_MATCH, 'idempotency-key': IDEMPOTENCY_KEY },
    examples: [[`frontrow event ${verb} gala`, '']],
    async run(args, session) {
      const client = session.client();
      const ifMatch = await readIfMatch(client, args.event, args['if-match']);
      const options = { ifMatch, idempotencyKey: args['idempotency-key'] };
      const event = await client.events.patch(args.event, { state }, options);
      await session.show(event, event.id, () => describeEvent(event, session));
      session.next(next.replaceAll('EVENT', event.id));
    },
  });
}
