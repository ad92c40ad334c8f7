/**
 * Roles of callers: each may do what those before it may. Source: API.md, Who may what.
 *
 *   none: public reads · reader: reads all · sales: holds, confirms, cancels · admin: defines, blocks, archives
 */
export const ROLES = ['none', 'reader', 'sales', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether a caller with role `has` may do what `needs` asks for. */
export function mayAct(has: Role, needs: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needs);
}

/**
 * Whether an event id fits one of the patterns of a key: comma-separated, `*` at the end of one stands for anything.
 * `gala*,quiz-night` fits `gala-2027` and `quiz-night`; `*` fits all, the empty text none.
 */
export function coversEvent(patterns: string, eventId: string): boolean {
  if (patterns === '*') return true;
  return patterns.split(',').some((pattern) => {
    if (!pattern.endsWith('*')) return pattern !== '' && pattern === eventId;
    return eventId.startsWith(pattern.slice(0, -1));
  });
}
