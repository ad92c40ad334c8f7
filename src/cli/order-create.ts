/** `frontrow order create`: hold and confirm in one step. */
import { CLAIM_OPTIONS, EXPECT_TOTAL, readClaim } from './claim-fields.ts';
import { defineCommand, EVENT, IDEMPOTENCY_KEY } from './command.ts';
import { ITEM_OPTIONS } from './items.ts';
import { describeOrder } from './order-show.ts';

export const orderCreate = defineCommand({
  usage: 'create <event> [file]',
  group: 'order',
  describe: 'Book places at once, without a hold before',
  positionals: {
    event: EVENT,
    file: { type: 'string', describe: 'JSON as POST …/orders takes it; - is stdin' },
  },
  options: {
    ...CLAIM_OPTIONS,
    ...ITEM_OPTIONS,
    'expect-total': EXPECT_TOTAL,
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow order create quiz --section general --quantity 3', 'three ticket ids'],
    ['frontrow order create gala --seats stalls-A-12:adult --expect-total 9000', ''],
  ],
  async run(args, session) {
    const input = await readClaim(args, 'book', session);
    const options = { idempotencyKey: args['idempotency-key'] };
    const order = await session.client().orders.create(args.event, input, options);
    await session.show(order, order.id, () => describeOrder(order, session));
    session.next(`Next: frontrow order show ${order.id}`);
  },
});
