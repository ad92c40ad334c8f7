/** `frontrow confirm`: a hold becomes an order. */
import { REFERENCE_OPTIONS, readReference } from './claim-fields.ts';
import { defineCommand, HOLD, IDEMPOTENCY_KEY } from './command.ts';
import { describeOrder } from './order-show.ts';

export const confirm = defineCommand({
  usage: 'confirm <hold>',
  describe: 'Make a hold an order',
  positionals: { hold: HOLD },
  options: {
    ...REFERENCE_OPTIONS,
    retake: {
      type: 'boolean',
      default: false,
      describe: 'If it has expired, take the same places again, all or none',
    },
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow confirm hold_X --reference pi_3N', ''],
    ['frontrow confirm hold_X --retake', 'the payment took longer than the hold'],
  ],
  async run(args, session) {
    const input = { ...readReference(args), ...(args.retake ? { ifExpired: 'retake' as const } : {}) };
    const order = await session
      .client()
      .holds.confirm(args.hold, input, { idempotencyKey: args['idempotency-key'] });
    await session.show(order, order.id, () => describeOrder(order, session));
    session.next(`Next: frontrow order show ${order.id}`);
  },
});
