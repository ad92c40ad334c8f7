/**
 * Holds replies against docs/openapi.json: is the status one of the operation's, and does the body have the shape that
 * is written there, with nothing beside it? Validators are compiled once for each response.
 */
import { readFileSync } from 'node:fs';
import { URL } from 'node:url';
import Schema from 'typebox/schema';

type Json = Readonly<Record<string, unknown>>;

interface MediaTypes {
  readonly [type: string]: { readonly schema: Json; readonly example?: unknown };
}

interface Response {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: MediaTypes;
}

export interface OperationObject {
  readonly operationId: string;
  readonly parameters?: readonly Json[];
  readonly security?: readonly Json[];
  readonly requestBody?: { readonly content: MediaTypes };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Json>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
}

/** The repository's root, seen from dist/test/support. */
const ROOT = new URL('../../../', import.meta.url);

export function documentText(): string {
  return readFileSync(new URL('docs/openapi.json', ROOT), 'utf8');
}

export const document = JSON.parse(documentText()) as Document;

/** All operations of the document by their id, `healthz` and its like among them. */
export const operations: ReadonlyMap<string, OperationObject> = new Map(
  Object.values(document.paths)
    .flatMap((methods) => Object.values(methods))
    .map((operation) => [operation.operationId, operation]),
);

const SCHEMAS = '#/components/schemas/';

/**
 * A part of the document as a schema of its own. In the document a reply may get new fields one day; here an object
 * with fields that it does not name is a fault.
 */
function closedSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closedSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const closed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) closed[name] = closedSchema(value);
  const reference = closed['$ref'];
  if (typeof reference === 'string') closed['$ref'] = reference.replace(SCHEMAS, '#/$defs/');
  const isObject = closed['type'] === 'object' && 'properties' in closed;
  if (isObject && !('additionalProperties' in closed)) closed['additionalProperties'] = false;
  return closed;
}

const definitions = closedSchema(document.components.schemas) as Json;

/** What is wrong with a value by a schema of the document; nothing, if it fits. */
export type Validator = (value: unknown) => readonly string[];

export function validatorOf(schema: Json): Validator {
  const whole = { ...(closedSchema(schema) as Json), $defs: definitions };
  const compiled = Schema.Compile(whole);
  return (value) => {
    if (compiled.Check(value)) return [];
    const [, errors] = compiled.Errors(value);
    return errors.map(
      ({ instancePath, keyword, message }) => `${instancePath || '/'}: ${keyword}: ${message}`,
    );
  };
}

function resolved(response: Response | undefined): Response | undefined {
  const reference = (response as { $ref?: string } | undefined)?.$ref;
  return reference === undefined
    ? response
    : document.components.responses[reference.split('/').at(-1) ?? ''];
}

/** The response that an operation has for a status, if it has one. */
export function responseOf(operationName: string, status: number): Response | undefined {
  return resolved(operations.get(operationName)?.responses[status]);
}

/** Many operations share a response, and with it the schema. */
const validators = new Map<Json, Validator>();

/**
 * @param operationName operationId, such as `createHold`
 * @param body parsed JSON; undefined where the reply has none
 * @returns what is wrong; empty when all is as it is written
 */
export function validateReply(operationName: string, status: number, body: unknown): readonly string[] {
  if (!operations.has(operationName)) return [`${operationName} is no operation of the document`];
  const response = responseOf(operationName, status);
  if (response === undefined) return [`${operationName} does not answer ${status} by the document`];
  const content = response.content?.['application/json'] ?? response.content?.['application/problem+json'];
  if (content === undefined) return body === undefined ? [] : [`${operationName} ${status} has no JSON body`];
  if (body === undefined) return [`${operationName} ${status} has a body`];
  const name = `${operationName} ${status}`;
  const validator = validators.get(content.schema) ?? validatorOf(content.schema);
  validators.set(content.schema, validator);
  return validator(body).map((fault) => `${name} ${fault}`);
}
