/** Bodies that are refused: what is wrong with each, and where. */
import { GALA } from './rig.ts';

export const PLACES = [{ section: 'floor', quantity: 1 }];
const LONG_ID = 'x'.repeat(64);

export type Bad = readonly [body: unknown, status: number, code: string, pointer?: string];

export const NOT_AN_OBJECT: Bad[] = [
  ['', 400, 'malformed-json'],
  ['{', 400, 'malformed-json'],
  ['{"items":[}', 400, 'malformed-json'],
  ['{} {}', 400, 'malformed-json'],
  [Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 400, 'malformed-json'],
  [Buffer.from('{"a":"\ud800"}', 'utf16le'), 400, 'malformed-json'],
  ['null', 422, 'invalid-request'],
  ['[]', 422, 'invalid-request'],
  ['"items"', 422, 'invalid-request'],
  ['1e999', 422, 'invalid-request'],
];

const METADATA = [null, [], 'a', 5, { a: 'x'.repeat(505) }, { a: 'ü'.repeat(253) }];

const TEXTS = (name: string): Bad[] => [
  [{ items: PLACES, [name]: '' }, 422, 'invalid-request', `/${name}`],
  [{ items: PLACES, [name]: 5 }, 422, 'invalid-request', `/${name}`],
  [{ items: PLACES, [name]: ['a'] }, 422, 'invalid-request', `/${name}`],
  [{ items: PLACES, [name]: 'x'.repeat(65) }, 422, 'invalid-request', `/${name}`],
  [{ items: PLACES, [name]: 'ü'.repeat(33) }, 422, 'invalid-request', `/${name}`],
];

export const ITEMS: Bad[] = [
  [{}, 422, 'invalid-request', '/items'],
  [{ items: null }, 422, 'invalid-request', '/items'],
  [{ items: {} }, 422, 'invalid-request', '/items'],
  [{ items: [] }, 422, 'invalid-request', '/items'],
  [{ items: Array.from({ length: 101 }, () => PLACES[0]) }, 422, 'invalid-request', '/items'],
  [{ items: [null] }, 422, 'invalid-request', '/items/0'],
  [{ items: [{}] }, 422, 'invalid-request', '/items/0'],
  [{ items: [{ seat: 'stalls-A-1', section: 'floor' }] }, 422, 'invalid-request', '/items/0'],
  [{ items: [{ seat: 7 }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: '' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: 'stalls-A-8' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: 'stalls-A-01' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: 'stalls-a-1' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: 'floor-A-1' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: 'stalls' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: '--' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: '__proto__-A-1' }] }, 422, 'invalid-request', '/items/0/seat'],
  [{ items: [{ seat: 'stalls-A-1' }, { seat: 'stalls-A-1' }] }, 422, 'invalid-request', '/items/1/seat'],
  [{ items: [{ seat: 'stalls-A-1', quantity: 1 }] }, 422, 'invalid-request', '/items/0/quantity'],
  [{ items: [{ seat: 'stalls-A-1', adjacent: 'required' }] }, 422, 'invalid-request', '/items/0/adjacent'],
  [{ items: [{ seat: 'stalls-A-1', type: 'adult' }] }, 422, 'invalid-request', '/items/0/type'],
  [{ items: [{ section: 'nowhere', quantity: 1 }] }, 422, 'invalid-request', '/items/0/section'],
  [{ items: [{ section: 'constructor', quantity: 1 }] }, 422, 'invalid-request', '/items/0/section'],
  [{ items: [{ section: LONG_ID, quantity: 1 }] }, 422, 'invalid-request', '/items/0/section'],
  [{ items: [{ section: 'floor' }] }, 422, 'invalid-request', '/items/0/quantity'],
  [
    { items: [{ section: 'floor', quantity: 1, adjacent: 'required' }] },
    422,
    'invalid-request',
    '/items/0/adjacent',
  ],
  [
    { items: [{ section: 'stalls', quantity: 1, adjacent: 'maybe' }] },
    422,
    'invalid-request',
    '/items/0/adjacent',
  ],
  ...[0, -1, 1.5, 101, 2 ** 31, 2 ** 53, 1e308, '1', null, true, [1]].map((quantity): Bad => [
    { items: [{ section: 'floor', quantity }] },
    422,
    'invalid-request',
    '/items/0/quantity',
  ]),
  [{ items: [{ section: 'floor', quantity: 9 }] }, 422, 'invalid-request', '/items'],
  [
    {
      items: [
        { section: 'floor', quantity: 5 },
        { section: 'floor', quantity: 4 },
      ],
    },
    422,
    'invalid-request',
    '/items',
  ],
  ...METADATA.map((metadata): Bad => [{ items: PLACES, metadata }, 422, 'invalid-request', '/metadata']),
  ...[-1, 1.5, '1', 2 ** 53, true].map((expectTotal): Bad => [
    { items: PLACES, expectTotal },
    422,
    'invalid-request',
    '/expectTotal',
  ]),
  ...['', 'Adult', 5, null].map((type): Bad => [
    { items: [{ section: 'floor', quantity: 1, type }] },
    422,
    'invalid-request',
    '/items/0/type',
  ]),
  ['{"items":[{"section":"floor","quantity":1}],"__proto__":{"a":1}}', 422, 'invalid-request', '/__proto__'],
  ...TEXTS('customer'),
  ...TEXTS('reference'),
];

export const HOLDS: Bad[] = [0, -1, 1.5, 601, 2 ** 40, '60', null].map((seconds) => [
  { items: PLACES, seconds },
  422,
  'invalid-request',
  '/seconds',
]);

const ADULT = { type: 'adult', price: 9000 };
const GOLD = { id: 'gold', name: 'Gold', prices: [ADULT] };

const definition = (rest: object): object => ({ name: 'A', startsAt: GALA.startsAt, capacity: 5, ...rest });
export const sections = (...list: unknown[]): object => ({
  name: 'A',
  startsAt: GALA.startsAt,
  sections: list,
});
const rows = (seats: unknown): object => sections({ id: 's', kind: 'seated', rows: [{ id: 'A', seats }] });

export const DEFINITIONS: Bad[] = [
  [{}, 422, 'invalid-request', '/name'],
  [definition({ id: 'gala' }), 409, 'event-exists'],
  ...['', 'Gala', '-a', 'a_b', LONG_ID, 'ü', 5, null].map((id): Bad => [
    definition({ id }),
    422,
    'invalid-request',
    '/id',
  ]),
  ...['', 'x'.repeat(201), 5, null].map((name): Bad => [
    definition({ name }),
    422,
    'invalid-request',
    '/name',
  ]),
  ...['tomorrow', '2027-13-01T00:00:00Z', '2027-01-15T19:00:00', '2027-01-15T19:00:00+01:00', 5].map(
    (startsAt): Bad => [definition({ startsAt }), 422, 'invalid-request', '/startsAt'],
  ),
  [definition({ timeZone: 'Mars/Olympus' }), 422, 'invalid-request', '/timeZone'],
  [definition({ currency: 'XXZ' }), 422, 'invalid-request', '/currency'],
  [definition({ currency: 'eur' }), 422, 'invalid-request', '/currency'],
  [definition({ state: 'paused' }), 422, 'invalid-request', '/state'],
  [definition({ salesFrom: 'soon' }), 422, 'invalid-request', '/salesFrom'],
  [definition({ salesUntil: '2027-02-30T00:00:00Z' }), 422, 'invalid-request', '/salesUntil'],
  ...['2027-01-01T00:00:00Z', '2026-12-31T23:59:59Z'].map((salesUntil): Bad => [
    definition({ salesFrom: '2027-01-01T00:00:00Z', salesUntil }),
    422,
    'invalid-request',
    '/salesUntil',
  ]),
  ...METADATA.map((metadata): Bad => [definition({ metadata }), 422, 'invalid-request', '/metadata']),
  [definition({ categories: {} }), 422, 'invalid-request', '/categories'],
  [definition({ categories: [GOLD] }), 422, 'invalid-request', '/currency'],
  [definition({ currency: 'EUR', categories: [GOLD, GOLD] }), 422, 'invalid-request', '/categories/1/id'],
  ...[[], [{ type: 'adult' }], [{ type: 'Adult', price: 1 }], [{ type: 'adult', price: null }]].map(
    (prices): Bad => [
      definition({ currency: 'EUR', categories: [{ id: 'gold', prices }] }),
      422,
      'invalid-request',
    ],
  ),
  [
    definition({ currency: 'EUR', categories: [{ id: 'gold', prices: [ADULT, ADULT] }] }),
    422,
    'invalid-request',
    '/categories/0/prices/1/type',
  ],
  [
    definition({
      currency: 'EUR',
      categories: Array.from({ length: 26 }, (_, i) => ({
        id: `c${i}`,
        prices: Array.from({ length: i < 25 ? 10 : 5 }, (_unused, j) => ({ type: `t${i}-${j}`, price: 1 })),
      })),
    }),
    422,
    'invalid-request',
    '/categories',
  ],
  [
    sections({ id: 'a', kind: 'general', capacity: 1, category: 'gold' }),
    422,
    'invalid-request',
    '/sections/0/category',
  ],
  [
    sections({ id: 'a', kind: 'general', capacity: 1, category: 'gold', price: 5 }),
    422,
    'invalid-request',
    '/sections/0/category',
  ],
  ...[0, -1, 1.5, 2_000_001, '5', null].map((capacity): Bad => [
    definition({ capacity }),
    422,
    'invalid-request',
    '/capacity',
  ]),
  [definition({ limits: { holdSeconds: 0 } }), 422, 'invalid-request', '/limits/holdSeconds'],
  [
    definition({ limits: { holdSeconds: 100, maxHoldSeconds: 50 } }),
    422,
    'invalid-request',
    '/limits/maxHoldSeconds',
  ],
  [definition({ limits: { ticketsPerHold: 101 } }), 422, 'invalid-request', '/limits/ticketsPerHold'],
  [definition({ limits: { ticketsPerCustomer: 0 } }), 422, 'invalid-request', '/limits/ticketsPerCustomer'],
  [definition({ limits: { holdsPerCustomer: '1' } }), 422, 'invalid-request', '/limits/holdsPerCustomer'],
  [definition({ sections: [] }), 422, 'invalid-request', '/sections'],
  [
    definition({ sections: [{ id: 'a', kind: 'general', capacity: 1 }] }),
    422,
    'invalid-request',
    '/capacity',
  ],
  [sections({ id: 'a', kind: 'general' }), 422, 'invalid-request', '/sections/0/capacity'],
  [sections({ id: 'a', kind: 'standing', capacity: 1 }), 422, 'invalid-request', '/sections/0/kind'],
  [sections({ id: 'a', kind: 'general', capacity: 1, price: 5 }), 422, 'invalid-request', '/currency'],
  [
    sections({ id: 'a', kind: 'general', capacity: 1, price: -5 }),
    422,
    'invalid-request',
    '/sections/0/price',
  ],
  [
    sections({ id: 'a', kind: 'general', capacity: 1, rows: [{ id: 'A', seats: 1 }] }),
    422,
    'invalid-request',
    '/sections/0/rows',
  ],
  [
    sections({ id: 'a', kind: 'general', capacity: 1 }, { id: 'a', kind: 'general', capacity: 1 }),
    422,
    'invalid-request',
    '/sections/1/id',
  ],
  [
    sections({ id: 'a', kind: 'general', capacity: 2_000_000 }, { id: 'b', kind: 'general', capacity: 1 }),
    422,
    'invalid-request',
    '/sections',
  ],
  [sections({ id: 's', kind: 'seated' }), 422, 'invalid-request', '/sections/0/rows'],
  [sections({ id: 's', kind: 'seated', rows: [] }), 422, 'invalid-request', '/sections/0/rows'],
  ...['A-1', '', 'ABCDEFGHI', 5].map((id): Bad => [
    sections({ id: 's', kind: 'seated', rows: [{ id, seats: 1 }] }),
    422,
    'invalid-request',
    '/sections/0/rows/0/id',
  ]),
  ...[0, -1, 1.5, 1e9, '5', null, {}, [], [null], true].map((seats): Bad => [
    rows(seats),
    422,
    'invalid-request',
    '/sections/0/rows/0/seats',
  ]),
  ...[
    '5..1',
    '1..99999999',
    '1...5',
    'a b',
    7,
    [],
    { id: 'a', price: 5 },
    { id: 'a b' },
    { id: 'a', features: 'wheelchair' },
    {},
  ].map((entry): Bad => [rows([entry]), 422, 'invalid-request']),
  [rows(['1..5', '5']), 422, 'invalid-request', '/sections/0/rows/0/seats/1'],
  [rows(['1..5', '3..9']), 422, 'invalid-request', '/sections/0/rows/0/seats/1'],
  [rows(['1', { id: '1' }]), 422, 'invalid-request', '/sections/0/rows/0/seats/1'],
];

const at = (list: string, item: unknown, pointer: string): Bad => [
  { [list]: [item] },
  422,
  'invalid-request',
  `/${list}/0${pointer}`,
];

export const CHANGES: Bad[] = [
  [{}, 422, 'invalid-request', ''],
  [{ expectTotal: 5 }, 422, 'invalid-request', ''],
  [{ add: [] }, 422, 'invalid-request', '/add'],
  [{ remove: [] }, 422, 'invalid-request', '/remove'],
  [{ remove: PLACES, seconds: 5 }, 422, 'invalid-request', '/seconds'],
  at('add', { seat: 'stalls-A-8' }, '/seat'),
  at('add', { section: 'floor' }, '/quantity'),
  at('add', { seat: 'stalls-A-1', type: 'adult' }, '/type'),
  [{ add: [{ section: 'floor', quantity: 9 }] }, 422, 'invalid-request', '/add'],
  // With the one that the hold has.
  [{ add: [{ section: 'floor', quantity: 8 }] }, 422, 'invalid-request', '/add'],
  at('remove', {}, ''),
  at('remove', { seat: 'stalls-A-1', section: 'floor' }, ''),
  at('remove', { seat: 'stalls-A-1', quantity: 1 }, '/quantity'),
  at('remove', { seat: 'stalls-A-1', type: 'standard' }, '/type'),
  at('remove', { seat: 'stalls-A-1', adjacent: 'required' }, '/adjacent'),
  at('remove', { seat: 'nowhere-A-1' }, '/seat'),
  at('remove', { section: 'nowhere', quantity: 1 }, '/section'),
  at('remove', { section: 'stalls', quantity: 1 }, '/section'),
  at('remove', { section: 'floor' }, '/quantity'),
  at('remove', { section: 'floor', quantity: 1, type: 'adult' }, '/type'),
  // What the hold does not have, or not so much of, or all that it has.
  at('remove', { seat: 'stalls-A-1' }, ''),
  at('remove', { section: 'floor', quantity: 2 }, ''),
  [{ remove: PLACES }, 422, 'invalid-request', '/remove'],
];

export const BLOCKS: Bad[] = [
  [{}, 422, 'invalid-request', '/items'],
  [{ items: [] }, 422, 'invalid-request', '/items'],
  [{ items: PLACES, reason: '' }, 422, 'invalid-request', '/reason'],
  [{ items: PLACES, reason: 'ü'.repeat(101) }, 422, 'invalid-request', '/reason'],
  [{ items: PLACES, customer: 'c' }, 422, 'invalid-request', '/customer'],
  at('items', {}, ''),
  at('items', { seat: 'stalls-A-1', section: 'floor' }, ''),
  at('items', { seat: 'stalls-A-1', quantity: 1 }, '/quantity'),
  at('items', { seat: 'stalls-A-9' }, '/seat'),
  at('items', { section: 'nowhere', quantity: 1 }, '/section'),
  at('items', { section: 'stalls', quantity: 1 }, '/section'),
  at('items', { section: 'floor' }, '/quantity'),
  at('items', { section: 'floor', quantity: 2001 }, '/quantity'),
  at('items', { section: 'floor', quantity: 1, type: 'standard' }, '/type'),
  [{ items: [{ seat: 'stalls-A-1' }, { seat: 'stalls-A-1' }] }, 422, 'invalid-request', '/items/1/seat'],
  [
    { items: [{ section: 'floor', quantity: 2000 }, { seat: 'stalls-A-1' }] },
    422,
    'invalid-request',
    '/items',
  ],
];

/** Of GALA, which is open. */
export const PATCHES: Bad[] = [
  [{}, 422, 'invalid-request', ''],
  ...['id', 'currency', 'version', 'createdAt', 'priceTypes', '__proto__x'].map((name): Bad => [
    { [name]: 'EUR' },
    422,
    'invalid-request',
    `/${name}`,
  ]),
  ...['', 'x'.repeat(201), 5, null].map((name): Bad => [{ name }, 422, 'invalid-request', '/name']),
  ...['draft', 'archived', 'sold', null].map((state): Bad => [{ state }, 422, 'invalid-request', '/state']),
  [{ startsAt: 'tomorrow' }, 422, 'invalid-request', '/startsAt'],
  [{ timeZone: 'Mars/Olympus' }, 422, 'invalid-request', '/timeZone'],
  [{ salesFrom: 'now' }, 422, 'invalid-request', '/salesFrom'],
  [
    { salesFrom: '2027-01-02T00:00:00Z', salesUntil: '2027-01-01T00:00:00Z' },
    422,
    'invalid-request',
    '/salesUntil',
  ],
  ...METADATA.map((metadata): Bad => [{ metadata }, 422, 'invalid-request', '/metadata']),
  [{ limits: { maxHoldSeconds: 299 } }, 422, 'invalid-request', '/limits/maxHoldSeconds'],
  [{ limits: { holdSeconds: 601 } }, 422, 'invalid-request', '/limits/holdSeconds'],
  [{ limits: { ticketsPerHold: null } }, 422, 'invalid-request', '/limits/ticketsPerHold'],
  [{ limits: { ticketsPerOrder: 5 } }, 422, 'invalid-request', '/limits/ticketsPerOrder'],
  [{ categories: [GOLD, GOLD] }, 422, 'invalid-request', '/categories/1/id'],
  [{ capacity: 60 }, 422, 'invalid-request', '/capacity'],
  [{ capacity: 60, sections: [{ id: 'floor', name: 'F' }] }, 422, 'invalid-request', '/capacity'],
  [{ sections: [] }, 422, 'invalid-request', '/sections'],
  at('sections', { name: 'Floor' }, '/id'),
  at('sections', { id: 'floor', kind: 'seated' }, '/kind'),
  at('sections', { id: 'floor', capacity: 0 }, '/capacity'),
  at('sections', { id: 'floor', rows: [{ id: 'A', seats: 5 }] }, '/rows'),
  at('sections', { id: 'floor', seats: 5 }, '/seats'),
  at('sections', { id: 'stalls', capacity: 13 }, '/capacity'),
  at('sections', { id: 'stalls', rows: [{ id: 'A', seats: 7 }] }, '/rows'),
  at('sections', { id: 'stalls', category: 'gold' }, '/category'),
  at('sections', { id: 'stalls', category: 'gold', price: 5 }, '/category'),
  at('sections', { id: 'balcony', name: 'Balcony' }, '/kind'),
  at('sections', { id: 'balcony', kind: 'general' }, '/capacity'),
  at('sections', { id: 'balcony', kind: 'seated' }, '/rows'),
  at('sections', { id: 'balcony', kind: 'general', capacity: 1, category: 'gold' }, '/category'),
  [{ sections: [{ id: 'floor' }, { id: 'floor' }] }, 422, 'invalid-request', '/sections/1/id'],
  [
    { sections: [{ id: 'balcony', kind: 'general', capacity: 2_000_000 }] },
    422,
    'invalid-request',
    '/sections',
  ],
];
