/**
 * The OpenAPI 3.1 document: put together from the operations of core, the schemas that validate requests, those of
 * replies, and the table of problems. Run by main.ts at build time and by tests; no server loads this.
 */
import type Type from 'typebox';
import { assert } from '../../core/assert.ts';
import { isMutation, OPERATIONS, type Operation } from '../../core/operations.ts';
import type { ProblemCode } from '../../core/problems.ts';
import { LiveChange, Problem, Status } from '../reply-schemas.ts';
import {
  DESCRIPTION,
  HEADERS,
  headersOf,
  PARAMETERS,
  PATH_PARAMETERS,
  PROBLEM_HEADERS,
  SERVER_PATHS,
  TAGS,
} from './components.ts';
import { problem as problemExample } from './examples.ts';
import { CLAIM_WORDS } from './claim-words.ts';
import { EVENT_WORDS } from './event-words.ts';
import type { OperationWords, Success } from './words.ts';
import { problemsOf } from './problems.ts';

const SCHEMAS = '#/components/schemas/';
/** On every reply that comes from an operation. */
const HEADERS_ALWAYS = ['X-Request-Id', 'Cache-Control'];

/** Schemas that have a title, under that name. */
class Schemas {
  readonly byName = new Map<string, object>();

  /** The schema as JSON, with titled ones put aside and referred to. */
  refer(schema: Type.TSchema): object {
    return this.#part(JSON.parse(JSON.stringify(schema)) as unknown) as object;
  }

  #part(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.#part(entry));
    if (typeof value !== 'object' || value === null) return value;
    const part: Record<string, unknown> = {};
    // What stands in an example is data, and has no titles of schemas.
    for (const [name, entry] of Object.entries(value))
      part[name] = name === 'examples' ? entry : this.#part(entry);
    const { title } = part;
    if (typeof title !== 'string') return part;
    const known = this.byName.get(title);
    assert(
      known === undefined || JSON.stringify(known) === JSON.stringify(part),
      `one title is one schema: ${title}`,
    );
    this.byName.set(title, part);
    return { $ref: SCHEMAS + title };
  }
}

/** Problem responses: the same ones stand with many operations. */
class Problems {
  readonly byName = new Map<string, object>();
  readonly #names = new Map<string, string>();

  refer(status: number, codes: readonly ProblemCode[]): object {
    const key = codes.join(' ');
    let name = this.#names.get(key);
    if (name === undefined) {
      const others = [...this.byName.keys()].filter((each) => each.startsWith(`Problem${status}`)).length;
      name = others === 0 ? `Problem${status}` : `Problem${status}-${others + 1}`;
      this.#names.set(key, name);
      this.byName.set(name, problemResponse(status, codes));
    }
    return { $ref: `#/components/responses/${name}` };
  }
}

function problemResponse(status: number, codes: readonly ProblemCode[]): object {
  const example = codes.includes('seat-unavailable') ? { example: problemExample } : {};
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers: headersOf([...HEADERS_ALWAYS, ...(PROBLEM_HEADERS[status] ?? [])]),
    content: {
      'application/problem+json': {
        schema: { $ref: `${SCHEMAS}Problem`, properties: { code: { enum: codes } } },
        ...example,
      },
    },
  };
}

function documentPath(operation: Operation): string {
  return operation.path.replace(':subject', `{${operation.subject}}`).replace(':seat', '{seat}');
}

function parametersOf(operation: Operation, words: OperationWords): object[] {
  const parameters: object[] = [];
  const refer = (name: keyof typeof PARAMETERS): void => {
    parameters.push({ $ref: `#/components/parameters/${name}` });
  };
  if (operation.subject !== 'none') parameters.push(PATH_PARAMETERS[operation.subject]);
  if (operation.path.includes(':seat')) parameters.push(PATH_PARAMETERS.seat);
  for (const query of words.query ?? []) parameters.push({ ...query, in: 'query' });
  if (isMutation(operation)) refer(operation.keyRequired ? 'RequiredIdempotencyKey' : 'IdempotencyKey');
  if (operation.method === 'PATCH') refer('IfMatch');
  if (words.success.some(({ headers }) => operation.method === 'GET' && headers.includes('ETag')))
    refer('IfNoneMatch');
  if (operation.lane === 'stream') refer('LastEventId');
  if (isMutation(operation)) refer('Client');
  refer('RequestId');
  return parameters;
}

function successContent(schemas: Schemas, success: Success): object {
  const { schema, example, octets } = success;
  if (schema === undefined) return {};
  const examples = example === undefined ? {} : { example };
  if (schema === 'text/event-stream') {
    return { content: { 'text/event-stream': { schema: { type: 'string' }, ...examples } } };
  }
  const alternatives = (Array.isArray(schema) ? schema : [schema]) as readonly Type.TSchema[];
  const parts = alternatives.map((each) => schemas.refer(each));
  return {
    content: {
      'application/json': { schema: parts.length === 1 ? parts[0] : { anyOf: parts }, ...examples },
      ...(octets !== undefined && { 'application/octet-stream': { schema: { description: octets } } }),
    },
  };
}

function responsesOf(
  schemas: Schemas,
  problems: Problems,
  operation: Operation,
  words: OperationWords,
): object {
  const responses: Record<string, object> = {};
  for (const success of words.success) {
    responses[success.status] = {
      description: success.description,
      headers: headersOf([...HEADERS_ALWAYS, ...success.headers]),
      ...successContent(schemas, success),
    };
    if (operation.method === 'GET' && success.headers.includes('ETag')) {
      responses[304] = {
        description: 'It is still what If-None-Match says.',
        headers: headersOf([...HEADERS_ALWAYS, ...success.headers]),
      };
    }
  }
  for (const [status, codes] of problemsOf(operation)) responses[status] = problems.refer(status, codes);
  return responses;
}

function operationObject(schemas: Schemas, problems: Problems, operation: Operation): object {
  const words = EVENT_WORDS[operation.name] ?? CLAIM_WORDS[operation.name];
  assert(words !== undefined, `the document has words for each operation: ${operation.name}`);
  assert((words.body === undefined) === (operation.body === 'none'), `${operation.name} takes a body or not`);
  const isPublic = operation.role === 'none';
  const examples: Record<string, object> = {};
  for (const [name, value] of Object.entries(words.bodyExamples ?? {})) examples[name] = { value };
  return {
    operationId: operation.name,
    tags: [words.tag],
    summary: words.summary,
    description: `${words.description}\n\n**Role:** ${isPublic ? 'none; drafts are shown with a key only' : operation.role}.`,
    security: isPublic ? [{ bearer: [] }, {}] : [{ bearer: [] }],
    parameters: parametersOf(operation, words),
    ...(words.body !== undefined && {
      requestBody: {
        required: operation.body === 'required',
        content: {
          'application/json': { schema: schemas.refer(words.body), examples },
        },
      },
    }),
    responses: responsesOf(schemas, problems, operation, words),
  };
}

function openApiDocument(): object {
  const schemas = new Schemas();
  const problems = new Problems();
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    if (operation.internal) continue;
    const path = documentPath(operation);
    const method = operation.method.toLowerCase();
    paths[path] = { ...paths[path], [method]: operationObject(schemas, problems, operation) };
  }
  for (const schema of [LiveChange, Problem, Status]) schemas.refer(schema);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Frontrow',
      version: '1',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: TAGS,
    paths: { ...paths, ...SERVER_PATHS },
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key of the keys file, with its role and events.',
        },
      },
      headers: HEADERS,
      parameters: PARAMETERS,
      responses: Object.fromEntries(problems.byName),
      schemas: Object.fromEntries([...schemas.byName].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

/** The bytes of docs/openapi.json. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`;
}
