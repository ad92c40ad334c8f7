/** `frontrow hold`: take places until a deadline. */
import { CLAIM_OPTIONS, EXPECT_TOTAL, readClaim } from './claim-fields.ts';
import { defineCommand, EVENT, IDEMPOTENCY_KEY } from './command.ts';
import { describeHold } from './hold-show.ts';
import { ITEM_OPTIONS } from './items.ts';

export const hold = defineCommand({
  usage: 'hold <event> [file]',
  describe: 'Take places until a deadline',
  positionals: {
    event: EVENT,
    file: { type: 'string', describe: 'JSON as POST …/holds takes it; - is stdin' },
  },
  options: {
    ...CLAIM_OPTIONS,
    ...ITEM_OPTIONS,
    seconds: { type: 'number', requiresArg: true, describe: "How long; the event's own time unless given" },
    'expect-total': EXPECT_TOTAL,
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow hold gala --customer c-81 --seats stalls-A-12:adult,stalls-A-13:child', ''],
    ['frontrow hold gala --customer c-81 --section floor --quantity 2 --type adult', ''],
    ['frontrow hold gala --item floor=2:adult --item floor=1:child --item stalls=3:required', ''],
    ['frontrow hold gala - < hold.json', ''],
  ],
  async run(args, session) {
    const input = await readClaim(args, 'hold', session);
    const options = { idempotencyKey: args['idempotency-key'] };
    const held = await session.client().holds.create(args.event, input, options);
    await session.show(held, held.id, () => describeHold(held, session));
    session.next(`Next: frontrow confirm ${held.id}`);
  },
});
