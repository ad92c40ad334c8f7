/**
 * Tells a person what happened, what was kept, and what to try. Pure: an error in, lines for stderr out.
 */
import { FrontrowProblem, FrontrowUnreachable } from '../client/index.ts';
import { FrontrowError } from '../core/assert.ts';
import { UsageError } from './exits.ts';
import { formatDuration, shellWord } from './format.ts';
import { hintFor } from './hints.ts';
import { cleanText } from './text-width.ts';

export interface FailureContext {
  /** The command as typed, such as `event create`; empty before one was recognised. */
  readonly command: string;
  /** What was named on the command line, for a hint that can be pasted. */
  readonly event: string | null;
  readonly hold: string | null;
  readonly order: string | null;
}

/** Lines to print, first the one that matters. */
export function describeFailure(error: unknown, context: FailureContext): string[] {
  if (error instanceof FrontrowProblem) return describeProblem(error, context);
  if (error instanceof FrontrowUnreachable) return describeUnreachable(error);
  if (error instanceof FrontrowError)
    return [`frontrow: ${error.code}: ${cleanText(error.message)}`, ...causeOf(error)];
  if (error instanceof UsageError) {
    const help = context.command === '' ? 'frontrow --help' : `frontrow ${context.command} --help`;
    return [`frontrow: ${cleanText(error.message)}`, `  Try: ${help}`];
  }
  return [`frontrow: ${error instanceof Error ? cleanText(error.message) : String(error)}`];
}

function describeProblem(problem: FrontrowProblem, context: FailureContext): string[] {
  const untold = problem.seats.filter((seat) => !problem.detail.includes(seat));
  const seats = untold.length > 0 ? ` (${untold.join(', ')})` : '';
  const lines = [`frontrow: ${problem.code}: ${cleanText(problem.detail)}${cleanText(seats)}`];
  for (const field of problem.errors.slice(0, 20)) {
    lines.push(`  ${cleanText(`${field.pointer}: ${field.detail} (${field.code})`)}`);
  }
  const numbers = numbersOf(problem);
  if (numbers !== '') lines.push(`  ${numbers}`);
  lines.push(`  ${keptOf(problem)}`);
  const hint = hintOf(problem, context);
  if (hint !== null) lines.push(`  Try: ${hint}`);
  if (problem.requestId !== null) lines.push(`  Request: ${cleanText(problem.requestId)}`);
  return lines;
}

function describeUnreachable(error: FrontrowUnreachable): string[] {
  const lines = [`frontrow: ${cleanText(error.message)}`];
  if (error.applied === false) {
    lines.push('  Nothing was changed.', '  Try: is the server running there? See --url and FRONTROW_URL.');
  } else {
    lines.push(`  ${UNKNOWN}`, `  Try: ${sameKey(error.request.idempotencyKey)}`);
  }
  return lines;
}

const UNKNOWN = 'The request was sent and no answer came: whether the change was made is not known.';

function sameKey(key: string | null): string {
  return `the same command again with --idempotency-key ${shellWord(key ?? 'KEY')}; it is never done twice.`;
}

function keptOf(problem: FrontrowProblem): string {
  if (problem.applied === null) return 'Whether the change was made is not known.';
  return problem.request.method === 'GET' ? 'Nothing was read.' : 'Nothing was changed.';
}

function numbersOf(problem: FrontrowProblem): string {
  const parts: string[] = [];
  for (const name of ['requested', 'available', 'held', 'limit', 'sequence'] as const) {
    const value = problem[name];
    if (value !== null) parts.push(`${name} ${value}`);
  }
  return parts.join(' · ');
}

function hintOf(problem: FrontrowProblem, context: FailureContext): string | null {
  if (problem.applied === null) return sameKey(problem.request.idempotencyKey);
  const hint = hintFor(problem)?.replace(/EVENT|HOLD|ORDER/g, (name) => {
    const id = context[name.toLowerCase() as 'event' | 'hold' | 'order'];
    return id === null ? name : shellWord(cleanText(id));
  });
  if (problem.retryAfterMs === null) return hint ?? null;
  return `again in ${formatDuration(Math.max(1, problem.retryAfterMs))}`;
}

/** The origin, where the message has not told it already. */
function causeOf(error: FrontrowError): string[] {
  if (!(error.cause instanceof Error) || error.message.includes(error.cause.message)) return [];
  return [`  Cause: ${cleanText(error.cause.message)}`];
}
