/** `frontrow change`: other places in a hold, all of the change or none of it. */
import type { HoldChangeInput, ItemInput, RemoveInput } from '../client/index.ts';
import { EXPECT_TOTAL } from './claim-fields.ts';
import { checkRange, defineCommand, HOLD, IDEMPOTENCY_KEY } from './command.ts';
import { UsageError } from './exits.ts';
import { describeHold } from './hold-show.ts';
import { readItemList } from './items.ts';

export const change = defineCommand({
  usage: 'change <hold>',
  describe: 'Add places to a hold and take others out, in one step',
  positionals: { hold: HOLD },
  options: {
    add: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'SEAT[:TYPE], or SECTION=QUANTITY[:TYPE][:required]; may be repeated',
    },
    remove: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'SEAT, or SECTION=QUANTITY[:TYPE]; may be repeated',
    },
    'expect-total': EXPECT_TOTAL,
    'idempotency-key': IDEMPOTENCY_KEY,
  },
  examples: [
    ['frontrow change hold_X --remove stalls-A-12 --add stalls-B-3:adult', ''],
    ['frontrow change hold_X --add floor=2', 'the deadline stays'],
  ],
  async run(args, session) {
    checkRange('expect-total', args['expect-total'], 0, Number.MAX_SAFE_INTEGER);
    const add = readItemList(args.add, '--add');
    const remove = readItemList(args.remove, '--remove').map(readRemoval);
    if (add.length + remove.length === 0)
      throw new UsageError('say what to change: --add, --remove, or both');
    const input: HoldChangeInput = {
      ...(add.length === 0 ? {} : { add }),
      ...(remove.length === 0 ? {} : { remove }),
      ...(args['expect-total'] === undefined ? {} : { expectTotal: args['expect-total'] }),
    };
    const options = { idempotencyKey: args['idempotency-key'] };
    const held = await session.client().holds.change(args.hold, input, options);
    await session.show(held, held.id, () => describeHold(held, session));
    session.next(`Next: frontrow confirm ${held.id}`);
  },
});

/** A seat is taken out whatever it cost, and nothing is chosen. */
function readRemoval(item: ItemInput): RemoveInput {
  if ('seat' in item) {
    if (item.type !== undefined) throw new UsageError(`--remove ${item.seat}: a seat goes without a type`);
    return { seat: item.seat };
  }
  if (item.adjacent !== undefined) {
    throw new UsageError(`--remove ${item.section}: ${item.adjacent} is for places to add`);
  }
  return item;
}
