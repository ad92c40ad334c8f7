/** `frontrow release`: give a hold's places back. */
import { defineCommand, HOLD, IDEMPOTENCY_KEY } from './command.ts';

export const release = defineCommand({
  usage: 'release <hold>',
  describe: "Give a hold's places back",
  positionals: { hold: HOLD },
  options: { 'idempotency-key': IDEMPOTENCY_KEY },
  examples: [['frontrow release hold_X', '']],
  async run(args, session) {
    await session.client().holds.release(args.hold, { idempotencyKey: args['idempotency-key'] });
    await session.show({ hold: args.hold, state: 'released' }, args.hold, () => [`released  ${args.hold}`]);
  },
});
