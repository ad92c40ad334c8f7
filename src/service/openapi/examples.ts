/**
 * Examples of bodies and replies: one evening, told through. Each is held against its schema by test/openapi.
 */
const HOLD = 'hold_0008g0000000a1b2c3d4e5f6g7h8j9k0';
const ORDER = HOLD.replace('hold', 'order');
const TICKET = HOLD.replace('hold', 'ticket');

const limits = {
  holdSeconds: 300,
  maxHoldSeconds: 1800,
  ticketsPerHold: 8,
  ticketsPerCustomer: 8,
  holdsPerCustomer: 2,
};
const categories = [
  {
    id: 'gold',
    name: 'Gold',
    prices: [
      { type: 'adult', price: 9000 },
      { type: 'child', price: 4500 },
    ],
  },
];
const common = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  timeZone: 'Europe/Berlin',
};

export const createEventBody = {
  ...common,
  currency: 'EUR',
  limits,
  categories,
  sections: [
    { id: 'floor', name: 'Floor', kind: 'general', capacity: 5000, price: 4500 },
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      category: 'gold',
      rows: [
        { id: 'A', seats: 4 },
        { id: 'B', seats: ['1..2', null, { id: '3', features: ['wheelchair'] }] },
      ],
    },
  ],
};
export const quizBody = {
  name: 'Quiz night',
  startsAt: '2027-02-03T18:30:00Z',
  capacity: 120,
  state: 'open',
};

export const event = {
  ...common,
  version: 1,
  createdAt: '2026-11-02T09:00:00.000Z',
  salesFrom: null,
  salesUntil: null,
  currency: 'EUR',
  metadata: {},
  limits,
  categories,
  sections: [
    { id: 'floor', name: 'Floor', kind: 'general', capacity: 5000, price: 4500, category: null },
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      capacity: 7,
      price: null,
      category: 'gold',
      rows: [
        { id: 'A', seats: ['1', '2', '3', '4'] },
        { id: 'B', seats: ['1', '2', null, { id: '3', features: ['wheelchair'] }] },
      ],
    },
  ],
};
const summary = { ...common, version: 1, currency: 'EUR', capacity: 5007 };
export const eventPage = {
  data: [{ ...summary, availability: { available: 5003, held: 4, sold: 0, blocked: 0 } }],
  next: null,
};
export const patchBody = { state: 'paused' };

const floorCounts = { id: 'floor', capacity: 5000, available: 4998, held: 2, sold: 0, blocked: 0 };
const stallsCounts = { id: 'stalls', capacity: 7, available: 5, held: 2, sold: 0, blocked: 0 };
const total = { capacity: 5007, available: 5003, held: 4, sold: 0, blocked: 0 };
export const availability = {
  event: 'gala',
  sequence: 2,
  ...total,
  sections: [floorCounts, stallsCounts],
};
export const seatMap = {
  event: 'gala',
  sequence: 2,
  sections: [
    {
      id: 'stalls',
      rows: [
        { id: 'A', seats: 'hhaa' },
        { id: 'B', seats: 'aaa' },
      ],
    },
  ],
};
export const seat = {
  event: 'gala',
  seat: 'stalls-A-1',
  section: 'stalls',
  row: 'A',
  number: '1',
  state: 'held',
  sequence: 2,
  features: [],
  hold: HOLD,
  expiresAt: '2026-12-01T10:05:00.000Z',
};

export const createHoldBody = {
  customer: 'c-81',
  expectTotal: 22_500,
  items: [
    { seat: 'stalls-A-1', type: 'adult' },
    { seat: 'stalls-A-2', type: 'child' },
    { section: 'floor', quantity: 2 },
  ],
};
export const bestSeatsBody = {
  customer: 'c-81',
  items: [{ section: 'stalls', quantity: 3, type: 'adult', adjacent: 'required' }],
};
export const hold = {
  id: HOLD,
  order: ORDER,
  event: 'gala',
  customer: 'c-81',
  reference: null,
  metadata: {},
  state: 'held',
  sequence: 2,
  createdAt: '2026-12-01T10:00:00.000Z',
  expiresAt: '2026-12-01T10:05:00.000Z',
  expiresInMs: 300_000,
  items: [
    { seat: 'stalls-A-1', type: 'adult', price: 9000 },
    { seat: 'stalls-A-2', type: 'child', price: 4500 },
    { section: 'floor', quantity: 2, type: 'standard', price: 4500 },
  ],
  total: 22_500,
  currency: 'EUR',
};
export const changeBody = {
  add: [{ seat: 'stalls-A-3', type: 'adult' }],
  remove: [{ section: 'floor', quantity: 2 }],
};
export const extendBody = { seconds: 300 };
export const confirmBody = { reference: 'pi_3N', ifExpired: 'retake' };
export const createOrderBody = { customer: 'c-82', items: [{ section: 'floor', quantity: 1 }] };
export const cancelBody = { tickets: [`${TICKET}_1`], to: 'available', reason: 'rebooked' };

export const order = {
  id: ORDER,
  hold: HOLD,
  event: 'gala',
  customer: 'c-81',
  state: 'confirmed',
  sequence: 3,
  reference: 'pi_3N',
  metadata: {},
  total: 22_500,
  cancelledTotal: 0,
  currency: 'EUR',
  createdAt: '2026-12-01T10:00:00.000Z',
  updatedAt: '2026-12-01T10:02:30.000Z',
  tickets: [
    { id: `${TICKET}_1`, section: 'stalls', seat: 'stalls-A-1', type: 'adult', price: 9000, state: 'valid' },
    { id: `${TICKET}_2`, section: 'stalls', seat: 'stalls-A-2', type: 'child', price: 4500, state: 'valid' },
    { id: `${TICKET}_3`, section: 'floor', type: 'standard', price: 4500, state: 'valid' },
    { id: `${TICKET}_4`, section: 'floor', type: 'standard', price: 4500, state: 'valid' },
  ],
};
export const holdPage = { data: [hold], next: '131' };
export const orderPage = { data: [order], next: null };

export const blockBody = {
  items: [{ seat: 'stalls-B-1' }, { section: 'floor', quantity: 10 }],
  reason: 'camera',
};
export const blockResult = {
  event: 'gala',
  sequence: 4,
  changed: 11,
  sections: [
    { id: 'floor', capacity: 5000, available: 4988, held: 0, sold: 2, blocked: 10 },
    { id: 'stalls', capacity: 7, available: 4, held: 0, sold: 2, blocked: 1 },
  ],
};

export const changePage = {
  data: [
    { sequence: 1, time: '2026-11-02T09:00:00.000Z', kind: 'defined', seats: [], sections: [] },
    {
      sequence: 2,
      time: '2026-12-01T10:00:00.000Z',
      kind: 'held',
      hold: HOLD,
      customer: 'c-81',
      expiresAt: '2026-12-01T10:05:00.000Z',
      seats: ['stalls-A-1', 'stalls-A-2'],
      sections: [
        { section: 'stalls', quantity: 2 },
        { section: 'floor', quantity: 2 },
      ],
    },
  ],
  next: '2',
};
const live = {
  event: 'gala',
  sequence: 2,
  seats: { 'stalls-A-1': 'h', 'stalls-A-2': 'h' },
  sections: [
    { id: 'floor', available: 4998, held: 2, sold: 0, blocked: 0 },
    { id: 'stalls', available: 5, held: 2, sold: 0, blocked: 0 },
  ],
};
export const stream = `event: change\nid: 3f9a1c07-2\ndata: ${JSON.stringify(live)}\n\n`;

export const problem = {
  type: 'urn:frontrow:problem:seat-unavailable',
  title: 'A seat is not available',
  status: 409,
  detail: 'Not available: stalls-A-1',
  code: 'seat-unavailable',
  applied: false,
  requestId: '5b1e7a90c2d4-1a',
  seats: ['stalls-A-1'],
  sequence: 2,
};
