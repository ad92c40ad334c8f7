/**
 * Headers, parameters and the pages beside the operations, as the document tells of them.
 */
import { IDEMPOTENCY_KEY_BYTES_MAX, REQUEST_ID_BYTES_MAX } from '../../core/limits.ts';

interface Text {
  readonly description: string;
  readonly schema: object;
}

const text = (description: string, more: object = {}): Text => ({
  description,
  schema: { type: 'string', ...more },
});

/** Of replies. */
export const HEADERS: Readonly<Record<string, Text>> = {
  'X-Request-Id': text("The caller's own id if it sent a usable one, else one made here. It is in the log."),
  'Cache-Control': text('`public, max-age=1` for public reads without a key, else `no-store`.'),
  'Frontrow-Sequence': {
    description: "Number of the event's last change that the reply shows.",
    schema: { type: 'integer', minimum: 0 },
  },
  ETag: text('Of a definition `"INCARNATION-VERSION"`, of its places `"INCARNATION-SEQUENCE"`.'),
  Location: text('Path of what was made.'),
  'Idempotency-Replayed': text('`true`: the key was known, and nothing was done again.', { enum: ['true'] }),
  'Retry-After': {
    description: 'Seconds after which it is worth while to try again; of 507 with `journal-full` only.',
    schema: { type: 'integer', minimum: 1 },
  },
  'WWW-Authenticate': text('`Bearer`, with the realm.'),
};

/** Headers that a problem of a status may bring. */
export const PROBLEM_HEADERS: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
  507: ['Retry-After'],
};

/** References to some of the headers. */
export function headersOf(names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

const visible = (max: number): object => ({
  type: 'string',
  minLength: 1,
  maxLength: max,
  pattern: '^[!-~]+$',
});

function header(name: string, description: string, schema: object = { type: 'string' }): object {
  return { name, in: 'header', description, schema };
}

const idempotencyKey = (description: string): object =>
  header('Idempotency-Key', description, visible(IDEMPOTENCY_KEY_BYTES_MAX));

/** Of requests; the names are those of components.parameters. */
export const PARAMETERS = {
  IdempotencyKey: idempotencyKey(
    'Makes a retry safe: a call with a key that has succeeded within a day is not done again, and answers with the ' +
      'thing as it is now. With another body it is 422.',
  ),
  RequiredIdempotencyKey: {
    ...idempotencyKey('As for other calls, and needed here: a retry must not buy twice.'),
    required: true,
  },
  IfMatch: header(
    'If-Match',
    'Only if the definition still has this ETag, as it was read; `*` for any. A bare version is 412.',
  ),
  IfNoneMatch: header('If-None-Match', 'An ETag: 304 where it is still that.'),
  LastEventId: header('Last-Event-ID', 'The id of the last message seen: go on from there.'),
  Client: header(
    'Frontrow-Client',
    'Whom the fair queue is to serve, where one key sells for many. Believed from the role sales only.',
    visible(64),
  ),
  RequestId: header('X-Request-Id', 'An id of your own for the log.', visible(REQUEST_ID_BYTES_MAX)),
} as const;

export const PATH_PARAMETERS: Readonly<Record<'event' | 'hold' | 'order' | 'seat', object>> = {
  event: {
    name: 'event',
    in: 'path',
    required: true,
    description: 'Id of the event.',
    schema: { type: 'string' },
  },
  hold: {
    name: 'hold',
    in: 'path',
    required: true,
    description: 'Id of the hold.',
    schema: { type: 'string' },
  },
  order: {
    name: 'order',
    in: 'path',
    required: true,
    description: 'Id of the order.',
    schema: { type: 'string' },
  },
  seat: {
    name: 'seat',
    in: 'path',
    required: true,
    description: 'Label of the seat: section-row-number.',
    schema: { type: 'string' },
  },
};

export const TAGS: readonly object[] = [
  { name: 'Events', description: 'What is sold, how much of it is left, and what happened.' },
  { name: 'Seats', description: 'The seat map, and places off sale.' },
  { name: 'Holds', description: 'Places taken until a deadline.' },
  { name: 'Orders', description: 'Places sold.' },
  { name: 'Server', description: 'How the server is. On an address of their own if it was started so.' },
];

export const DESCRIPTION = `Seat reservation. Never oversold; nothing is told before it is on disk.

Money is in the currency's minor units, times are RFC 3339 in UTC. Unknown fields and unknown query names are refused.
Every accepted change of an event has the next number of its \`sequence\`; replies, live updates and the history speak in it.

**Roles.** \`admin\` defines, blocks and archives; \`sales\` holds, confirms and cancels; \`reader\` reads all; public reads
need no key. Each role may do what those below it may. A key covers events by pattern. A server without a keys file takes
every caller for an admin, and listens on loopback only.

**Refusals** are problems (RFC 9457). \`code\` is for programs; \`applied\` says whether anything was changed. Beside the
codes that stand with each call, a path that is none is \`not-found\`, and a method that a path has not \`method-not-allowed\`.`;

const headers = (...names: readonly string[]): object => ({ headers: headersOf(['X-Request-Id', ...names]) });
/** What does not change while the server runs. */
const page = (description: string, contentType: string, schema: object): object => ({
  200: { description, ...headers('Cache-Control', 'ETag'), content: { [contentType]: { schema } } },
  304: { description: 'It is still what If-None-Match says.', ...headers('Cache-Control', 'ETag') },
});
const problem = (description: string, ...names: readonly string[]): object => ({
  description,
  ...headers('Cache-Control', ...names),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
const status = (description: string, value: string): object => ({
  description,
  ...headers('Cache-Control'),
  content: {
    'application/json': { schema: { $ref: '#/components/schemas/Status' }, example: { status: value } },
  },
});
const server = (operationId: string, summary: string, responses: object, more: object = {}): object => ({
  get: { operationId, summary, tags: ['Server'], security: [{}], ...more, responses },
});
const conditional = { parameters: [{ $ref: '#/components/parameters/IfNoneMatch' }] };

/** What is not an operation of core/operations.ts. */
export const SERVER_PATHS: Readonly<Record<string, object>> = {
  '/healthz': server('healthz', 'Whether the process is alive', { 200: status('It is.', 'alive') }),
  '/readyz': server('readyz', 'Whether the server takes requests', {
    200: status('It does; `journal-full`: reads only.', 'ready'),
    503: problem(
      'It is `starting` or `draining`, or `journal-stalled`: the disk does not answer, and no change is taken.',
      'Retry-After',
    ),
  }),
  '/metrics': server(
    'metrics',
    'Metrics for Prometheus',
    {
      200: {
        description: 'The metrics.',
        ...headers('Cache-Control'),
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
      401: problem('`unauthorized`', 'WWW-Authenticate'),
      403: problem('`forbidden`'),
    },
    { description: '**Role:** reader, where there are keys.', security: [{ bearer: [] }, {}] },
  ),
  '/openapi.json': server(
    'openapi',
    'This document',
    page('OpenAPI 3.1.', 'application/json', { type: 'object' }),
    conditional,
  ),
  '/docs': server(
    'docs',
    'This document, for reading',
    page('A page.', 'text/html', { type: 'string' }),
    conditional,
  ),
};
