/** Random cases: pipelines of requests by the grammar, then spoilt a little, then cut anywhere. */
import fc from 'fast-check';
import type { Finish, FuzzRun } from './fuzz-case.ts';

/** A request as tokens, which mutations take for their unit as often as bytes. */
type Tokens = readonly string[];

const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('OPTIONS', 'CONNECT', 'PATCH', 'TRACE', 'QUERY', 'PRI', 'get', 'X'),
  },
);

const target = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('/a', '/b?c=d', '/any', '/any/thing') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '/refused',
      '/closing',
      '/bye',
      '/empty',
      '/stream',
      '/p\xe9',
      '*',
      'http://h/x',
    ),
  },
);

const version = fc.oneof(
  { weight: 10, arbitrary: fc.constant('HTTP/1.1') },
  { weight: 2, arbitrary: fc.constant('HTTP/1.0') },
  { weight: 1, arbitrary: fc.constantFrom('HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.', 'ICE/1.0') },
);

const headerName = fc.constantFrom(
  'Host',
  'X',
  'Accept',
  'Connection',
  'Content-Type',
  'Expect',
  'Idempotency-Key',
  'If-Match',
  'Upgrade',
  'X-Request-Id',
  'authorization',
);

const headerValue = fc.constantFrom(
  '',
  'a',
  ' b ',
  'close',
  'keep-alive',
  'Upgrade',
  'keep-alive, upgrade',
  'websocket',
  '100-continue',
  '\xff',
  'a\tb',
);

const header = fc.tuple(headerName, fc.constantFrom(':', ': ', ':\t'), headerValue, fc.constant('\r\n'));

const text = fc.constantFrom('', 'a', 'abc', '\r\n', '0\r\n\r\n', 'GET /x HTTP/1.1\r\n\r\n', 'x'.repeat(600));

const extension = fc.constantFrom('', '', '', ';', ';a', ';a=b', ';a="b c"', ' ', `;${'x'.repeat(9000)}`);

function lengthOf(body: string): Tokens {
  return ['Content-Length', ': ', String(body.length), '\r\n'];
}

const chunks = fc
  .tuple(fc.array(fc.tuple(text, extension), { maxLength: 3 }), extension, fc.array(header, { maxLength: 1 }))
  .map(([list, lastExtension, trailers]): Tokens => {
    const filled = list.filter(([data]) => data !== '');
    const body = filled.flatMap(([data, more]) => [data.length.toString(16), more, '\r\n', data, '\r\n']);
    return [...body, '0', lastExtension, '\r\n', ...trailers.flat(), '\r\n'];
  });

const CODING: Tokens = ['Transfer-Encoding', ': ', 'chunked', '\r\n'];

/** Header lines, and the bytes behind the head. */
const framing: fc.Arbitrary<readonly [Tokens, Tokens]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant([[], []] as const) },
  { weight: 4, arbitrary: text.map((body) => [lengthOf(body), [body]] as const) },
  { weight: 4, arbitrary: chunks.map((body) => [CODING, body] as const) },
  {
    weight: 1,
    arbitrary: fc.tuple(text, chunks).map(([a, body]) => [[...lengthOf(a), ...CODING], body] as const),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(text, text).map(([a, b]) => [[...lengthOf(a), ...lengthOf(b)], [a]] as const),
  },
);

const request = fc
  .tuple(method, target, version, fc.array(header, { maxLength: 3 }), framing, fc.boolean())
  .map(([verb, path, protocol, headers, [lines, body], framingFirst]): Tokens => {
    const fields = framingFirst ? [...lines, ...headers.flat()] : [...headers.flat(), ...lines];
    return [verb, ' ', path, ' ', protocol, '\r\n', 'Host: h', '\r\n', ...fields, '\r\n', ...body];
  });

/** What parsers trip over. */
const SPECIAL = [
  ...'\r \n \r\n \r\n\r\n \n\n \0 \t : , ; = " + - 0 0x f \x0b \x7f \x80 \xff'.split(' '),
  ' ',
  '\r\n ',
  'chunked',
  'close',
  'gzip, ',
  'HTTP/1.1',
  'fffffffffffffffff',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Expect: 100-continue\r\n',
  'Connection: close\r\n',
  'Connection: Upgrade\r\nUpgrade: x\r\n',
];

const mutation = fc.record({
  kind: fc.constantFrom('delete', 'insert', 'double', 'replace'),
  ofToken: fc.boolean(),
  at: fc.nat(),
  special: fc.oneof(
    fc.constantFrom(...SPECIAL),
    fc.nat(255).map((code) => String.fromCharCode(code)),
  ),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(tokens: Tokens, { kind, ofToken, at, special }: Mutation): Tokens {
  const units = ofToken ? tokens : tokens.join('').split('');
  const index = at % Math.max(units.length, 1);
  const unit = units[index] ?? '';
  const put = { delete: [], insert: [special, unit], double: [unit, unit], replace: [special] }[kind] ?? [];
  return [...units.slice(0, index), ...put, ...units.slice(index + 1)];
}

const finish: fc.Arbitrary<Finish> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('open' as const) },
  { weight: 2, arbitrary: fc.constant('end' as const) },
  { weight: 1, arbitrary: fc.constant('reset' as const) },
);

const generated: fc.Arbitrary<FuzzRun> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 4, size: 'max' }),
    mutations: fc.oneof(
      { weight: 1, arbitrary: fc.constant<Mutation[]>([]) },
      { weight: 3, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 3 }) },
    ),
    cuts: fc.array(fc.nat(), { maxLength: 5 }),
    finish,
  })
  .map(({ requests, mutations, cuts, finish: end }) => {
    const bytes = mutations.reduce<Tokens>((tokens, one) => mutate(tokens, one), requests.flat()).join('');
    const within = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
    return { name: 'generated', bytes, finish: end, cuts: within };
  });

/** The same runs for the same seed. */
export function generate(seed: number, count: number): FuzzRun[] {
  return fc.sample(generated, { seed, numRuns: count });
}
