/** `frontrow extend`: a later deadline for a hold. */
import { checkRange, defineCommand, HOLD, IDEMPOTENCY_KEY } from './command.ts';
import { describeHold } from './hold-show.ts';

export const extend = defineCommand({
  usage: 'extend <hold>',
  describe: 'Move the deadline of a hold',
  positionals: { hold: HOLD },
  options: {
    seconds: { type: 'number', requiresArg: true, demandOption: true, describe: 'From now; never shortens' },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [['frontrow extend hold_X --seconds 300', '']],
  async run(args, session) {
    checkRange('seconds', args.seconds, 1, Number.MAX_SAFE_INTEGER);
    const options = { idempotencyKey: args['idempotency-key'] };
    const held = await session.client().holds.extend(args.hold, { seconds: args.seconds }, options);
    await session.show(held, held.id, () => describeHold(held, session));
  },
});
