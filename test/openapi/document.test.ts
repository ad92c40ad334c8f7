/** The OpenAPI document: it is what the code says, valid, whole, and its examples fit its schemas. */
import { readFileSync } from 'node:fs';
import { URL } from 'node:url';
import t from 'tap';
import Schema from 'typebox/schema';
import { isMutation, OPERATIONS } from '../../src/core/operations.ts';
import { PROBLEMS, problemJson, type ProblemCode } from '../../src/core/problems.ts';
import { openApiText } from '../../src/service/openapi/document.ts';
import { problemsOf } from '../../src/service/openapi/problems.ts';
import {
  document,
  documentText,
  operations,
  responseOf,
  validateReply,
  validatorOf,
} from '../support/openapi.ts';

const META = new URL('../../../test/openapi/fixtures/openapi-3.1.schema.json', import.meta.url);

t.test('docs/openapi.json is what the code says: npm run openapi writes it', async (t) => {
  t.ok(documentText() === openApiText(), 'it is up to date');
});

t.test('it is a valid OpenAPI 3.1 document, by the schema of those who made the standard', async (t) => {
  const meta = JSON.parse(readFileSync(META, 'utf8')) as object;
  // Errors() and not Check(): typebox 1.4's Check() takes no document for valid by this schema.
  // In two parts, since its time grows faster than the document.
  t.same(Schema.Errors(meta, { ...document, components: {} })[1], []);
  t.same(Schema.Errors(meta, { ...document, paths: {} })[1], []);
  const bad = {
    ...document,
    components: {},
    paths: { '/v1/events': { get: { operationId: 'x', responsez: {} } } },
  };
  t.notOk(Schema.Errors(meta, bad)[0], 'and the schema would see a fault');
});

t.test('every public operation of the server is in it once, and no other', async (t) => {
  const server = ['healthz', 'readyz', 'metrics', 'openapi', 'docs'];
  const names = OPERATIONS.filter(({ internal }) => !internal).map(({ name }) => name);
  t.same([...operations.keys()].sort(), [...names, ...server].sort());
  for (const operation of OPERATIONS) {
    if (operation.internal) continue;
    const path = operation.path.replace(':subject', `{${operation.subject}}`).replace(':seat', '{seat}');
    const there = document.paths[path][operation.method.toLowerCase()];
    t.equal(there.operationId, operation.name);
    t.equal(there.requestBody !== undefined, operation.body !== 'none', `${operation.name}: body`);
    const parameters = JSON.stringify(there.parameters);
    t.equal(parameters.includes('IdempotencyKey'), isMutation(operation), `${operation.name}: key`);
    for (const name of path.matchAll(/\{(\w+)\}/g)) {
      t.ok(parameters.includes(`"name":"${name[1]}","in":"path"`), `${operation.name}: ${name[1]}`);
    }
  }
});

t.test('every problem code is one that some call may answer with', async (t) => {
  const told = new Set(OPERATIONS.flatMap((operation) => [...problemsOf(operation).values()].flat()));
  // Of paths and methods that there are not.
  const elsewhere = ['not-found', 'method-not-allowed'];
  t.same(
    Object.keys(PROBLEMS)
      .filter((code) => !told.has(code as ProblemCode))
      .sort(),
    elsewhere.sort(),
  );
});

t.test('references lead somewhere, and examples fit the schemas they stand with', async (t) => {
  const references = new Set([...documentText().matchAll(/"\$ref": "#([^"]+)"/g)].map((match) => match[1]));
  for (const reference of references) {
    let at: unknown = document;
    for (const part of reference.split('/').slice(1)) at = (at as Record<string, unknown>)[part];
    t.ok(typeof at === 'object', reference);
  }
  for (const [name, operation] of operations) {
    const { requestBody, responses } = operation;
    const contents = [
      requestBody?.content,
      ...Object.keys(responses).map((status) => responseOf(name, Number(status))?.content),
    ];
    for (const content of contents) {
      for (const type of ['application/json', 'application/problem+json']) {
        const media = content?.[type] as
          { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> } | undefined;
        if (media === undefined) continue;
        const examples = Object.values(media.examples ?? {}).map(({ value }) => value);
        if (media.example !== undefined) examples.push(media.example);
        if (examples.length === 0) continue;
        const validate = validatorOf(media.schema as Record<string, unknown>);
        for (const example of examples) t.same(validate(example), [], `an example of ${name}`);
      }
    }
  }
});

t.test('a reply is held against status and shape, and nothing beside it gets through', async (t) => {
  const media = responseOf('createHold', 201)?.content?.['application/json'];
  const example = media?.example as Record<string, unknown>;
  t.same(validateReply('createHold', 201, example), []);
  t.same(validateReply('releaseHold', 204, undefined), []);
  const problem = JSON.parse(problemJson('sold-out', 'r1', { available: 0, held: 3, sequence: 7 })) as object;
  t.same(validateReply('createHold', 409, problem), []);
  for (const [operation, status, body] of [
    ['createHold', 201, { ...example, card: '4111' }],
    ['createHold', 201, { ...example, state: 'sold' }],
    ['createHold', 201, { ...example, expiresAt: 'soon' }],
    ['createHold', 201, { ...example, items: [{ seat: 'a', quantity: 1 }] }],
    ['createHold', 201, undefined],
    ['createHold', 202, example],
    ['releaseHold', 204, {}],
    ['releaseHold', 409, problem],
    ['createHold', 404, problem],
    ['nothing', 200, {}],
  ] as const) {
    t.ok(validateReply(operation, status, body).length > 0, `${operation} ${status}`);
  }
});
