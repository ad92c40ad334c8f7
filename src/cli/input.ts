/** Reads JSON that a person hands over: a file, or `-` (STDIN) for stdin. */
import { readFile } from 'node:fs/promises';
import { STDIN } from './command.ts';
import { UsageError } from './exits.ts';
import type { Session } from './session.ts';

/** The server takes 1 MiB at most; a little more is read so that the server, not we, names the limit. */
const BYTES_MAX = 2 * 1024 * 1024;

/** Throws a UsageError when there is nothing to read, or it is not a JSON object. */
export async function readJsonObject(source: string, session: Session): Promise<Record<string, unknown>> {
  const label = source === STDIN ? 'stdin' : source;
  return parseJsonObject(await readSource(source, session), label);
}

/** The text of a file, or of stdin. Throws a UsageError where it cannot be read or is too long. */
export function readSource(source: string, session: Session): Promise<string> {
  return source === STDIN ? readStdin(session) : readText(source);
}

/** Throws a UsageError that begins with `label` unless `text` is a JSON object. */
export function parseJsonObject(text: string, label: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${label} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${label} does not hold a JSON object`);
  }
  return value as Record<string, unknown>;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

async function readStdin(session: Session): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of session.terminal.stdin) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > BYTES_MAX) throw new UsageError(`stdin is longer than ${BYTES_MAX} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
