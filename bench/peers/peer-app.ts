/**
 * The HTTP side that all peers have in common: fastify, with schemas for what comes and what goes, and no logger. The
 * requests are Frontrow's; what fastify and a store are asked for beyond that is in docs/peers.md.
 */
import { randomUUID } from 'node:crypto';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { Hold, HoldStore } from './hold-store.ts';

interface HoldBody {
  readonly customer: string;
  readonly seconds: number;
  readonly items: readonly [{ readonly section: string; readonly quantity: number }];
}

const ID = '^[a-z0-9][a-z0-9-]{0,62}$';
const KEY_HEADER = 'idempotency-key';
const KEEP_ALIVE_MS = 60_000;

const text = { type: 'string' } as const;
const body = {
  type: 'object',
  required: ['customer', 'items'],
  additionalProperties: false,
  properties: {
    customer: { type: 'string', minLength: 1, maxLength: 64 },
    seconds: { type: 'integer', minimum: 1, maximum: 604_800, default: 300 },
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 1,
      items: {
        type: 'object',
        required: ['section', 'quantity'],
        additionalProperties: false,
        properties: {
          section: { type: 'string', pattern: ID },
          quantity: { type: 'integer', minimum: 1, maximum: 100 },
        },
      },
    },
  },
} as const;
const hold = {
  type: 'object',
  properties: {
    id: text,
    event: text,
    customer: text,
    state: text,
    section: text,
    quantity: { type: 'integer' },
    createdAt: text,
    expiresAt: text,
  },
} as const;
const problem = {
  type: 'object',
  properties: { status: { type: 'integer' }, code: text, detail: text },
} as const;

export function createApp(store: HoldStore): FastifyInstance {
  const app = fastify({ logger: false, keepAliveTimeout: KEEP_ALIVE_MS });
  app.post<{ Params: { event: string }; Body: HoldBody }>(
    '/v1/events/:event/holds',
    { schema: { body, response: { '2xx': hold, '4xx': problem } } },
    async (request, reply) => {
      const key = request.headers[KEY_HEADER];
      if (typeof key !== 'string') return reply.code(400).send(KEY_REQUIRED);
      const wanted = newHold(request.params.event, request.body);
      const outcome = await store.take(wanted, key);
      switch (outcome.kind) {
        case 'made':
          return reply.code(201).send({ ...wanted, state: 'held' });
        case 'earlier':
          if (!isSame(wanted, outcome.hold)) return reply.code(422).send(KEY_MISMATCH);
          return reply
            .code(200)
            .header('idempotency-replayed', 'true')
            .send({ ...outcome.hold, state: 'held' });
        case 'not-enough':
          return reply.code(409).send(NOT_ENOUGH);
      }
    },
  );
  return app;
}

const KEY_REQUIRED = { status: 400, code: 'idempotency-key-required', detail: 'a hold needs a key' };
const KEY_MISMATCH = {
  status: 422,
  code: 'idempotency-mismatch',
  detail: 'the key was used for another hold',
};
const NOT_ENOUGH = {
  status: 409,
  code: 'not-enough-available',
  detail: 'there are not that many places left',
};

function newHold(event: string, { customer, seconds, items }: HoldBody): Hold {
  const nowMs = Date.now();
  return {
    id: timeOrderedId(nowMs),
    event,
    customer,
    section: items[0].section,
    quantity: items[0].quantity,
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + seconds * 1000).toISOString(),
  };
}

/** A UUID of version 7 (RFC 9562): 48 bits of time first, so that an index grows at its end, then 74 random bits. */
function timeOrderedId(nowMs: number): string {
  const time = nowMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

function isSame(wanted: Hold, earlier: Hold): boolean {
  return (
    wanted.customer === earlier.customer &&
    wanted.section === earlier.section &&
    wanted.quantity === earlier.quantity
  );
}
