/**
 * Words of the operations on holds and orders.
 */
import { CUSTOMER_BYTES_MAX, REFERENCE_BYTES_MAX } from '../../core/limits.ts';
import * as replies from '../reply-schemas.ts';
import * as bodies from '../schemas.ts';
import * as examples from './examples.ts';
import { after, limit, made, MUTATED, states, type OperationWords, type QueryParameter } from './words.ts';

const text = (name: string, bytesMax: number, description: string): QueryParameter => ({
  name,
  description,
  schema: { type: 'string', minLength: 1, maxLength: bytesMax },
});
const claimFilters = (names: readonly string[]): readonly QueryParameter[] => [
  text('customer', CUSTOMER_BYTES_MAX, 'Exactly this customer.'),
  text('reference', REFERENCE_BYTES_MAX, 'Exactly this reference.'),
  states(names, 'Only these states; left out: all.'),
  limit,
  after('The next of the page before'),
];

export const CLAIM_WORDS: Readonly<Record<string, OperationWords>> = {
  createHold: {
    tag: 'Holds',
    summary: 'Hold places',
    description:
      'All or nothing, until a deadline. An item is a seat by its label, or a number of places in a section: of a ' +
      'seated section the best ones, side by side if they can be had so (`adjacent`). Prices are fixed now.',
    body: bodies.CreateHoldBody,
    bodyExamples: { seats: examples.createHoldBody, best: examples.bestSeatsBody },
    success: made(replies.Hold, 'The hold', examples.hold),
  },
  listHolds: {
    tag: 'Holds',
    summary: 'List holds of an event',
    description:
      'About in the order of their making. Ended holds are listed for an hour, while there is room. A page looks at a ' +
      'bounded part of memory: it may be empty and have a next.',
    query: claimFilters(['held', 'confirmed', 'released', 'expired']),
    success: [
      {
        status: 200,
        description: 'A page.',
        schema: replies.HoldPage,
        example: examples.holdPage,
        headers: [],
      },
    ],
  },
  getHold: {
    tag: 'Holds',
    summary: 'Read a hold',
    description: 'An ended one stays readable for an hour, while there is room.',
    success: [
      {
        status: 200,
        description: 'The hold.',
        schema: replies.Hold,
        example: examples.hold,
        headers: ['Frontrow-Sequence'],
      },
    ],
  },
  releaseHold: {
    tag: 'Holds',
    summary: 'Release a hold',
    description: 'Its places are free again. Again: 204.',
    success: [{ status: 204, description: 'It is released.', headers: MUTATED }],
  },
  changeHold: {
    tag: 'Holds',
    summary: 'Change a hold',
    description:
      'Add and remove places, all or nothing; the deadline stays. Seats that are removed count as available to what ' +
      'is added, best seats included.',
    body: bodies.ChangeBody,
    bodyExamples: { swap: examples.changeBody },
    success: [
      {
        status: 200,
        description: 'The hold.',
        schema: replies.Hold,
        example: examples.hold,
        headers: MUTATED,
      },
    ],
  },
  extendHold: {
    tag: 'Holds',
    summary: 'Extend a hold',
    description: 'Never shortens it; at most to createdAt + maxHoldSeconds.',
    body: bodies.ExtendBody,
    bodyExamples: { five: examples.extendBody },
    success: [
      {
        status: 200,
        description: 'The hold.',
        schema: replies.Hold,
        example: examples.hold,
        headers: MUTATED,
      },
    ],
  },
  confirmHold: {
    tag: 'Holds',
    summary: 'Confirm a hold: sell its places',
    description:
      'Again: 200, the same order, unchanged. With `ifExpired: "retake"` an expired hold is confirmed too, if its ' +
      'places are all still free.',
    body: bodies.ConfirmBody,
    bodyExamples: { paid: examples.confirmBody },
    success: made(replies.Order, 'The order', examples.order),
  },
  createOrder: {
    tag: 'Orders',
    summary: 'Sell places at once',
    description: 'Hold and confirm in one step. Needs an Idempotency-Key.',
    body: bodies.CreateOrderBody,
    bodyExamples: { floor: examples.createOrderBody },
    success: made(replies.Order, 'The order', examples.order),
  },
  listOrders: {
    tag: 'Orders',
    summary: 'List orders of an event',
    description:
      'About in the order of their making. A page looks at a bounded part of memory: it may be empty and have a next.',
    query: claimFilters(['confirmed', 'cancelled']),
    success: [
      {
        status: 200,
        description: 'A page.',
        schema: replies.OrderPage,
        example: examples.orderPage,
        headers: [],
      },
    ],
  },
  getOrder: {
    tag: 'Orders',
    summary: 'Read an order',
    description: 'With its tickets.',
    success: [
      {
        status: 200,
        description: 'The order.',
        schema: replies.Order,
        example: examples.order,
        headers: ['Frontrow-Sequence'],
      },
    ],
  },
  cancelOrder: {
    tag: 'Orders',
    summary: 'Cancel tickets of an order',
    description: 'All of them, or those named. Their places are free again, or off sale. Again: 200.',
    body: bodies.CancelBody,
    bodyExamples: { one: examples.cancelBody },
    success: [
      {
        status: 200,
        description: 'The order.',
        schema: replies.Order,
        example: examples.order,
        headers: MUTATED,
      },
    ],
  },
};
