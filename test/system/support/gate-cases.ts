/**
 * What each operation shows of a change that nobody has been told of: one set of cases for each row of the table.
 *
 *   prepare  what is durable and acknowledged before the disk stalls
 *   hidden   a change whose answer waits for the disk
 *   probe    a request whose answer depends on that change, so it must wait as well
 *   shows    that answer, once the disk has gone on
 */
import { OPERATIONS, type Operation } from '../../../src/core/operations.ts';
import type { Answer } from './http.ts';

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a case knows of its event, which is its own. */
export interface CaseStage {
  readonly id: string;
  /** Sends a request that must succeed, and wait for nothing. */
  done(ask: Ask): Promise<Answer>;
}

export interface GateCase {
  /** What of `hidden` and `probe` depends on what came of it. */
  prepare?(stage: CaseStage): Promise<Answer | void>;
  /** Left out: the probe shows what it has changed itself. */
  hidden?(stage: CaseStage, prepared: Answer): Ask;
  probe(stage: CaseStage, prepared: Answer): Ask;
  /** Status, what its text contains, and fields of its JSON. */
  readonly shows: { readonly status: number; readonly text?: string; readonly [name: string]: unknown };
}

/** The reason why an operation has no such case. */
type Without = string;

export interface OperationCases {
  readonly fresh: GateCase | Without;
  readonly replay?: GateCase;
  readonly refusal: GateCase | Without;
}

export function definition(id: string): object {
  return {
    id,
    name: 'Before',
    state: 'open',
    startsAt: '2027-01-15T19:00:00Z',
    limits: { ticketsPerHold: 8 },
    sections: [
      { id: 'floor', kind: 'general', capacity: 10 },
      { id: 'stalls', kind: 'seated', rows: [{ id: 'A', seats: 10 }] },
    ],
  };
}

const KEY = 'the-key';
const SEAT = { seat: 'stalls-A-1' };
const OTHER_SEAT = { seat: 'stalls-A-2' };

function at({ id }: CaseStage, rest = ''): string {
  return `/v1/events/${id}${rest}`;
}

function patch(stage: CaseStage, body: object, more: Partial<Ask> = {}): Ask {
  return { method: 'PATCH', path: at(stage), body, ...more };
}

function hold(stage: CaseStage, items: readonly object[], key?: string): Ask {
  return { method: 'POST', path: at(stage, '/holds'), body: { items }, ...(key !== undefined && { key }) };
}

function order(stage: CaseStage, items: readonly object[], key: string): Ask {
  return { method: 'POST', path: at(stage, '/orders'), body: { items }, key };
}

function ofHold(verb: string, prepared: Answer, body?: object, key?: string): Ask {
  const path = `/v1/holds/${String(prepared.json['id'] ?? prepared.json['hold'])}${verb}`;
  const method = verb === '' ? 'DELETE' : 'POST';
  return { method, path, ...(body !== undefined && { body }), ...(key !== undefined && { key }) };
}

/** Of an order's reply, or of a hold's. */
function cancelled(prepared: Answer, body: object = {}, key?: string): Ask {
  const id = String(prepared.json['tickets'] === undefined ? prepared.json['order'] : prepared.json['id']);
  return { method: 'POST', path: `/v1/orders/${id}/cancel`, body, ...(key !== undefined && { key }) };
}

function block(stage: CaseStage, verb: 'block' | 'unblock', items: readonly object[], key?: string): Ask {
  return { method: 'POST', path: at(stage, `/${verb}`), body: { items }, ...(key !== undefined && { key }) };
}

function get(path: string, headers?: Readonly<Record<string, string>>): Ask {
  return { method: 'GET', path, ...(headers !== undefined && { headers }) };
}

const held = (stage: CaseStage): Promise<Answer> => stage.done(hold(stage, [SEAT]));
const sold = (stage: CaseStage): Promise<Answer> => stage.done(order(stage, [SEAT, OTHER_SEAT], 'sale'));

/** A closed event whose one hold was released, so that it can be archived. */
async function closed(stage: CaseStage): Promise<Answer> {
  const made = await held(stage);
  await stage.done(ofHold('', made));
  await stage.done(patch(stage, { state: 'closed' }));
  return made;
}

async function closedSold(stage: CaseStage): Promise<Answer> {
  const made = await sold(stage);
  await stage.done(patch(stage, { state: 'closed' }));
  return made;
}

const archive = (stage: CaseStage): Ask => patch(stage, { state: 'archived' });

/** A read's refusal: its event is archived, which nobody has been told. */
function goneCase(
  path: (stage: CaseStage, prepared: Answer) => string,
  code: string,
  prepare = closed,
): GateCase {
  return {
    prepare,
    hidden: archive,
    probe: (stage, prepared) => get(path(stage, prepared)),
    shows: { status: 404, code },
  };
}

const NO_EVENT = 'its refusals are about the query alone, and look at no event';

export const GATE_CASES: Readonly<Record<string, OperationCases>> = {
  createEvent: {
    fresh: {
      probe: (stage) => ({ method: 'POST', path: '/v1/events', body: definition(`${stage.id}-new`) }),
      shows: { status: 201, name: 'Before' },
    },
    replay: {
      prepare: (stage) =>
        stage.done({
          method: 'POST',
          path: '/v1/events',
          body: definition(`${stage.id}-new`),
          key: KEY + stage.id,
        }),
      hidden: (stage) => ({
        method: 'PATCH',
        path: at(stage, '-new'),
        body: { name: 'After', state: 'paused' },
      }),
      probe: (stage) => ({
        method: 'POST',
        path: '/v1/events',
        body: definition(`${stage.id}-new`),
        key: KEY + stage.id,
      }),
      shows: { status: 200, name: 'After', state: 'paused' },
    },
    refusal: {
      hidden: (stage) => ({ method: 'POST', path: '/v1/events', body: definition(`${stage.id}-new`) }),
      probe: (stage) => ({ method: 'POST', path: '/v1/events', body: definition(`${stage.id}-new`) }),
      shows: { status: 409, code: 'event-exists' },
    },
  },
  patchEvent: {
    fresh: { probe: (stage) => patch(stage, { name: 'After' }), shows: { status: 200, name: 'After' } },
    replay: {
      prepare: (stage) => stage.done(patch(stage, { name: 'Mine' }, { key: KEY })),
      hidden: (stage) => patch(stage, { name: 'After' }),
      probe: (stage) => patch(stage, { name: 'Mine' }, { key: KEY }),
      shows: { status: 200, name: 'After' },
    },
    refusal: {
      prepare: (stage) => stage.done(get(at(stage))),
      hidden: (stage) => patch(stage, { name: 'After' }),
      probe: (stage, { headers }) =>
        patch(stage, { name: 'Late' }, { headers: { 'if-match': String(headers.etag) } }),
      shows: { status: 412, code: 'version-mismatch' },
    },
  },
  createHold: {
    fresh: { probe: (stage) => hold(stage, [SEAT]), shows: { status: 201, state: 'held' } },
    replay: {
      prepare: (stage) => stage.done(hold(stage, [SEAT], KEY)),
      hidden: (_stage, made) => ofHold('/confirm', made),
      probe: (stage) => hold(stage, [SEAT], KEY),
      shows: { status: 200, state: 'confirmed' },
    },
    refusal: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => hold(stage, [SEAT]),
      shows: { status: 409, code: 'seat-unavailable' },
    },
  },
  createOrder: {
    fresh: { probe: (stage) => order(stage, [SEAT], KEY), shows: { status: 201, state: 'confirmed' } },
    replay: {
      prepare: (stage) => stage.done(order(stage, [SEAT], KEY)),
      hidden: (_stage, made) => cancelled(made),
      probe: (stage) => order(stage, [SEAT], KEY),
      shows: { status: 200, state: 'cancelled' },
    },
    refusal: {
      hidden: (stage) => hold(stage, [{ section: 'floor', quantity: 8 }]),
      probe: (stage) => order(stage, [{ section: 'floor', quantity: 3 }], KEY),
      shows: { status: 409, code: 'not-enough-available' },
    },
  },
  releaseHold: {
    fresh: { prepare: held, probe: (_stage, made) => ofHold('', made), shows: { status: 204 } },
    replay: {
      prepare: async (stage) => {
        const made = await held(stage);
        await stage.done(ofHold('', made, undefined, KEY));
        return made;
      },
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (_stage, made) => ofHold('', made, undefined, KEY),
      shows: { status: 204 },
    },
    refusal: {
      prepare: held,
      hidden: (_stage, made) => ofHold('/confirm', made),
      probe: (_stage, made) => ofHold('', made),
      shows: { status: 409, code: 'hold-confirmed' },
    },
  },
  confirmHold: {
    fresh: { prepare: held, probe: (_stage, made) => ofHold('/confirm', made), shows: { status: 201 } },
    replay: {
      prepare: async (stage) => {
        const made = await held(stage);
        await stage.done(ofHold('/confirm', made, {}, KEY));
        return made;
      },
      hidden: (_stage, made) => cancelled(made),
      probe: (_stage, made) => ofHold('/confirm', made, {}, KEY),
      shows: { status: 200, state: 'cancelled' },
    },
    refusal: {
      prepare: held,
      hidden: (_stage, made) => ofHold('', made),
      probe: (_stage, made) => ofHold('/confirm', made),
      shows: { status: 409, code: 'hold-released' },
    },
  },
  changeHold: {
    fresh: {
      prepare: held,
      probe: (_stage, made) => ofHold('/change', made, { add: [OTHER_SEAT] }),
      shows: { status: 200, state: 'held' },
    },
    replay: {
      prepare: async (stage) => {
        const made = await held(stage);
        await stage.done(ofHold('/change', made, { add: [OTHER_SEAT] }, KEY));
        return made;
      },
      hidden: (_stage, made) => ofHold('/confirm', made),
      probe: (_stage, made) => ofHold('/change', made, { add: [OTHER_SEAT] }, KEY),
      shows: { status: 200, state: 'confirmed' },
    },
    refusal: {
      prepare: held,
      hidden: (stage) => hold(stage, [OTHER_SEAT]),
      probe: (_stage, made) => ofHold('/change', made, { add: [OTHER_SEAT] }),
      shows: { status: 409, code: 'seat-unavailable' },
    },
  },
  extendHold: {
    fresh: {
      prepare: held,
      probe: (_stage, made) => ofHold('/extend', made, { seconds: 900 }),
      shows: { status: 200, state: 'held' },
    },
    replay: {
      prepare: async (stage) => {
        const made = await held(stage);
        await stage.done(ofHold('/extend', made, { seconds: 900 }, KEY));
        return made;
      },
      hidden: (_stage, made) => ofHold('', made),
      probe: (_stage, made) => ofHold('/extend', made, { seconds: 900 }, KEY),
      shows: { status: 200, state: 'released' },
    },
    refusal: {
      prepare: held,
      hidden: (_stage, made) => ofHold('', made),
      probe: (_stage, made) => ofHold('/extend', made, { seconds: 900 }),
      shows: { status: 409, code: 'hold-released' },
    },
  },
  cancelOrder: {
    fresh: {
      prepare: sold,
      probe: (_stage, made) => cancelled(made),
      shows: { status: 200, state: 'cancelled' },
    },
    replay: {
      prepare: async (stage) => {
        const made = await sold(stage);
        const tickets = made.json['tickets'] as { id: string }[];
        return stage.done(cancelled(made, { tickets: [tickets[0].id] }, KEY));
      },
      hidden: (_stage, made) => cancelled(made),
      probe: (_stage, made) => {
        const tickets = made.json['tickets'] as { id: string }[];
        return cancelled(made, { tickets: [tickets[0].id] }, KEY);
      },
      shows: { status: 200, state: 'cancelled' },
    },
    refusal: {
      prepare: closedSold,
      hidden: archive,
      probe: (_stage, made) => cancelled(made),
      shows: { status: 404, code: 'order-not-found' },
    },
  },
  block: {
    fresh: { probe: (stage) => block(stage, 'block', [SEAT]), shows: { status: 200, changed: 1 } },
    replay: {
      prepare: (stage) => stage.done(block(stage, 'block', [SEAT], KEY)),
      hidden: (stage) => hold(stage, [OTHER_SEAT]),
      probe: (stage) => block(stage, 'block', [SEAT], KEY),
      shows: { status: 200, sections: [{ id: 'stalls', held: 1, blocked: 1 }] },
    },
    refusal: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => block(stage, 'block', [SEAT]),
      shows: { status: 409, code: 'seat-unavailable' },
    },
  },
  unblock: {
    fresh: {
      prepare: (stage) => stage.done(block(stage, 'block', [SEAT])),
      probe: (stage) => block(stage, 'unblock', [SEAT]),
      shows: { status: 200, changed: 1 },
    },
    replay: {
      prepare: async (stage) => {
        await stage.done(block(stage, 'block', [SEAT]));
        return stage.done(block(stage, 'unblock', [SEAT], KEY));
      },
      hidden: (stage) => hold(stage, [OTHER_SEAT]),
      probe: (stage) => block(stage, 'unblock', [SEAT], KEY),
      shows: { status: 200, sections: [{ id: 'stalls', held: 1, blocked: 0 }] },
    },
    refusal: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => block(stage, 'unblock', [SEAT]),
      shows: { status: 409, code: 'seat-unavailable' },
    },
  },
  listEvents: {
    fresh: {
      hidden: (stage) => patch(stage, { name: 'After the list' }),
      probe: () => get('/v1/events?include=availability&limit=500'),
      shows: { status: 200, text: 'After the list' },
    },
    refusal: NO_EVENT,
  },
  getEvent: {
    fresh: {
      hidden: (stage) => patch(stage, { name: 'After' }),
      probe: (stage) => get(at(stage)),
      shows: { status: 200, name: 'After' },
    },
    // It has no other that depends on an event: an archived one is answered with what is left of it.
    refusal: {
      prepare: closed,
      hidden: archive,
      probe: (stage) => get(at(stage)),
      shows: { status: 200, state: 'archived' },
    },
  },
  availability: {
    fresh: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => get(at(stage, '/availability')),
      shows: { status: 200, held: 1 },
    },
    refusal: goneCase((stage) => at(stage, '/availability'), 'event-not-found'),
  },
  seats: {
    fresh: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => get(at(stage, '/seats')),
      shows: { status: 200, sections: [{ rows: [{ seats: 'haaaaaaaaa' }] }] },
    },
    refusal: goneCase((stage) => at(stage, '/seats?section=stalls'), 'event-not-found'),
  },
  seat: {
    fresh: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => get(at(stage, '/seats/stalls-A-1')),
      shows: { status: 200, state: 'held' },
    },
    refusal: goneCase((stage) => at(stage, '/seats/stalls-A-1'), 'event-not-found'),
  },
  history: {
    fresh: {
      hidden: (stage) => patch(stage, { sections: [{ id: 'new', kind: 'general', capacity: 3 }] }),
      probe: (stage) => get(at(stage, '/history')),
      shows: { status: 200 },
    },
    refusal: {
      hidden: (stage) =>
        patch(stage, { sections: [{ id: 'new', kind: 'seated', rows: [{ id: 'A', seats: 2 }] }] }),
      // With the new section the first is a seat, so that the refusal would tell the difference.
      probe: (stage) => get(at(stage, '/history?seat=new-A-3')),
      shows: { status: 422 },
    },
  },
  getHold: {
    fresh: {
      prepare: held,
      hidden: (_stage, made) => ofHold('', made),
      probe: (_stage, made) => get(`/v1/holds/${String(made.json['id'])}`),
      shows: { status: 200, state: 'released' },
    },
    refusal: goneCase((_stage, made) => `/v1/holds/${String(made.json['id'])}`, 'hold-not-found'),
  },
  getOrder: {
    fresh: {
      prepare: sold,
      hidden: (_stage, made) => cancelled(made),
      probe: (_stage, made) => get(`/v1/orders/${String(made.json['id'])}`),
      shows: { status: 200, state: 'cancelled' },
    },
    refusal: goneCase(
      (_stage, made) => `/v1/orders/${String(made.json['id'])}`,
      'order-not-found',
      closedSold,
    ),
  },
  listHolds: {
    fresh: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => get(at(stage, '/holds')),
      shows: { status: 200, data: [{ state: 'held' }] },
    },
    refusal: goneCase((stage) => at(stage, '/holds'), 'event-not-found'),
  },
  listOrders: {
    fresh: {
      hidden: (stage) => order(stage, [SEAT], 'hidden'),
      probe: (stage) => get(at(stage, '/orders')),
      shows: { status: 200, data: [{ state: 'confirmed' }] },
    },
    refusal: goneCase((stage) => at(stage, '/orders'), 'event-not-found'),
  },
  changes: {
    fresh: {
      hidden: (stage) => hold(stage, [SEAT]),
      probe: (stage) => get(at(stage, '/changes'), { accept: 'text/event-stream' }),
      // It begins with the sequence from which on it tells of changes.
      shows: { status: 200, text: '-2\n' },
    },
    refusal: {
      prepare: closed,
      hidden: archive,
      probe: (stage) => get(at(stage, '/changes'), { accept: 'text/event-stream' }),
      shows: { status: 404, code: 'event-not-found' },
    },
  },
};

export function hasReplay({ lane }: Operation): boolean {
  return lane === 'write' || lane === 'registry';
}

/** Operations that are asked for by callers; those within the server are shown by the ones that ask for them. */
export const ASKED = OPERATIONS.filter(({ internal }) => !internal);
