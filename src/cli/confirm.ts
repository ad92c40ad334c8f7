/** `frontrow confirm`: a hold becomes an order. */
import { defineCommand, IDEMPOTENCY_KEY } from './command.ts';
import { describeOrder } from './order-show.ts';

export const confirm = defineCommand({
  usage: 'confirm <hold>',
  describe: 'Make a hold an order',
  positionals: { hold: { type: 'string', demandOption: true, describe: "The hold's id" } },
  options: {
    reference: { type: 'string', requiresArg: true, describe: 'Yours, such as a payment id' },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  async run(args, session) {
    const input = args.reference === undefined ? {} : { reference: args.reference };
    const order = await session
      .client()
      .holds.confirm(args.hold, input, { idempotencyKey: args['idempotency-key'] });
    await session.show(order, order.id, () => describeOrder(order, session));
    if (!session.json) session.note(`Next: frontrow order show ${order.id}`);
  },
});
