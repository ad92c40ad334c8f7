/**
 * What the document says of an operation beside what core/operations.ts knows, and what many of them have in common.
 */
import type Type from 'typebox';

export interface QueryParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: object;
}

export interface Success {
  readonly status: number;
  readonly description: string;
  /** Left out: no body. A text is a type that is not JSON. */
  readonly schema?: Type.TSchema | readonly Type.TSchema[] | 'text/event-stream';
  readonly example?: unknown;
  /** And as `application/octet-stream`, for who asks for it. */
  readonly octets?: string;
  /** Names of headers beside those that every reply has; see components.ts. */
  readonly headers: readonly string[];
}

export interface OperationWords {
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  readonly query?: readonly QueryParameter[];
  readonly body?: Type.TSchema;
  readonly bodyExamples?: Readonly<Record<string, unknown>>;
  readonly success: readonly Success[];
}

export const limit: QueryParameter = {
  name: 'limit',
  description: 'Entries on the page.',
  schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
};
export function after(what: string): QueryParameter {
  return { name: 'after', description: `${what}; left out: from the beginning.`, schema: { type: 'string' } };
}
export function states(names: readonly string[], description: string): QueryParameter {
  const alternatives = names.join('|');
  return {
    name: 'state',
    description: `${description} Separated by commas: ${names.join(', ')}.`,
    schema: { type: 'string', pattern: `^(${alternatives})(,(${alternatives}))*$` },
  };
}
export const PUBLIC = ['ETag'];
export const MUTATED = ['Frontrow-Sequence', 'Idempotency-Replayed'];

export function made(
  schema: Type.TSchema,
  what: string,
  example: unknown,
  headers: readonly string[] = MUTATED,
): readonly Success[] {
  return [
    { status: 201, description: `${what}.`, schema, example, headers: [...headers, 'Location'] },
    {
      status: 200,
      description: 'It had happened before: the thing as it is now.',
      schema,
      headers,
    },
  ];
}
