/**
 * Bytes → JSON → a checked value. Bad input becomes a problem with pointers to what is wrong, never an exception.
 */
import { Compile } from 'typebox/compile';
import type Type from 'typebox';
import type { FieldError, ProblemCode } from '../core/problems.ts';

/** What is wrong with an input. */
export interface ParseFailure {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly errors?: FieldError[];
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | ParseFailure;

export type BodyParser<T> = (body: Uint8Array | null) => Parsed<T>;

/** More than this many faults help nobody. */
const ERRORS_MAX = 20;

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function invalid(errors: readonly FieldError[]): ParseFailure {
  const detail = errors[0]?.detail ?? '';
  return { ok: false, code: 'invalid-request', detail, errors: errors.slice(0, ERRORS_MAX) };
}

/** Parts what is wrong with an input from what the engine refuses: only the first has words. */
export function isParseFailure(failure: { readonly ok: false }): failure is ParseFailure {
  return 'detail' in failure || 'errors' in failure;
}

/** Parses JSON text in UTF-8. Invalid UTF-8 is malformed, not repaired. */
function parseJson(body: Uint8Array): Parsed<unknown> {
  try {
    return { ok: true, value: JSON.parse(utf8.decode(body)) as unknown };
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'not JSON';
    return { ok: false, code: 'malformed-json', detail: `The body is not valid JSON in UTF-8: ${detail}` };
  }
}

/** A parser for one schema. `T` is the schema's static type; a body left out is `{}` where that is allowed. */
export function bodyParser<T>(schema: Type.TSchema, bodyMayBeMissing: boolean): BodyParser<T> {
  const validator = Compile(schema);
  return (body) => {
    if (body === null || body.length === 0) {
      if (bodyMayBeMissing) return { ok: true, value: {} as T };
      return {
        ok: false,
        code: 'malformed-json',
        detail: 'The body is missing: this call takes a JSON object',
      };
    }
    const json = parseJson(body);
    if (!json.ok) return json;
    if (validator.Check(json.value)) return { ok: true, value: json.value as T };
    return invalid(fieldErrors(validator.Errors(json.value)));
  };
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

const CODES: Readonly<Record<string, string>> = {
  type: 'wrong-type',
  minimum: 'out-of-range',
  maximum: 'out-of-range',
  minItems: 'out-of-range',
  maxItems: 'out-of-range',
  minLength: 'out-of-range',
  maxLength: 'out-of-range',
  pattern: 'bad-format',
  minProperties: 'missing',
  enum: 'bad-value',
  anyOf: 'bad-value',
};

function fieldErrors(found: readonly SchemaError[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const add = (pointer: string, code: string, detail: string): void => {
    if (errors.length >= ERRORS_MAX || seen.has(pointer)) return;
    seen.add(pointer);
    errors.push({ pointer, code, detail });
  };
  for (const error of found) {
    const where = error.instancePath === '' ? 'the body' : error.instancePath;
    if (error.keyword === 'boolean') {
      add(error.instancePath, 'unknown-field', `${where} is not a field of this call`);
    } else if (error.keyword === 'required') {
      const { requiredProperties } = error.params as { requiredProperties?: readonly string[] };
      for (const name of requiredProperties ?? []) {
        add(`${error.instancePath}/${name}`, 'missing', `${error.instancePath}/${name} is missing`);
      }
    } else if (error.keyword !== 'additionalProperties') {
      add(error.instancePath, CODES[error.keyword] ?? 'invalid', `${where} ${error.message}`);
    }
  }
  return errors.length > 0 ? errors : [{ pointer: '', code: 'invalid', detail: 'the body does not fit' }];
}

/** Reads a query string: only names in `allowed`, none twice. */
export function parseQuery(query: string, allowed: readonly string[]): Parsed<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  const errors: FieldError[] = [];
  for (const [name, value] of new URLSearchParams(query)) {
    if (!allowed.includes(name)) {
      errors.push({ pointer: `?${name}`, code: 'unknown-field', detail: `?${name} is not known here` });
    } else if (values.has(name)) {
      errors.push({ pointer: `?${name}`, code: 'repeated', detail: `?${name} is given twice` });
    }
    values.set(name, value);
  }
  return errors.length > 0 ? invalid(errors) : { ok: true, value: values };
}

/** A whole number of a query, or its default. */
export function queryNumber(
  query: ReadonlyMap<string, string>,
  name: string,
  fallback: number,
  minimum: number,
  maximum: number,
): Parsed<number> {
  const text = query.get(name);
  if (text === undefined) return { ok: true, value: fallback };
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return { ok: true, value };
  const detail = `?${name} must be a whole number from ${minimum} to ${maximum}`;
  return invalid([{ pointer: `?${name}`, code: 'out-of-range', detail }]);
}
