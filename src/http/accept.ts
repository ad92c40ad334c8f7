/**
 * The Accept header (RFC 9110 §12.5.1) against the few types we have. A malformed part of the list is passed over; a
 * list of nothing but those accepts nothing.
 */

export interface Accepted {
  readonly json: boolean;
  /** Octets are acceptable, and more so than JSON. */
  readonly octets: boolean;
  readonly eventStream: boolean;
}

const ANYTHING: Accepted = { json: true, octets: false, eventStream: true };
const JSON_ONLY: Accepted = { json: true, octets: false, eventStream: false };
const RANGE = /^([!#$%&'*+.^_`|~\w-]+)\/([!#$%&'*+.^_`|~\w-]+)$/;
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;
const CHARSET = /^charset="?utf-8"?$/i;

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly weight: number;
}

/**
 * Which of our types the caller takes. `application/problem+json` alone counts as JSON: such a caller knows
 * our errors, and has nothing better to say for successes.
 */
export function parseAccept(header: string | null): Accepted {
  if (header === null || header === '*/*' || header === '') return ANYTHING;
  if (header === 'application/json') return JSON_ONLY;
  const ranges: MediaRange[] = [];
  for (const part of header.split(',')) {
    const range = parseRange(part);
    if (range !== null) ranges.push(range);
  }
  const json = Math.max(
    weightOf(ranges, 'application', 'json'),
    weightOf(ranges, 'application', 'problem+json', true),
  );
  const octets = weightOf(ranges, 'application', 'octet-stream');
  const eventStream = weightOf(ranges, 'text', 'event-stream');
  return { json: json > 0, octets: octets > json, eventStream: eventStream > 0 };
}

/** Null if malformed, or if it asks for a parameter that none of our types has. */
function parseRange(part: string): MediaRange | null {
  const [name = '', ...parameters] = part.split(';');
  const match = RANGE.exec(name.trim());
  if (match === null) return null;
  const type = match[1].toLowerCase();
  const subtype = match[2].toLowerCase();
  if (type === '*' && subtype !== '*') return null;
  let weight = 1;
  for (const parameter of parameters) {
    const text = parameter.trim();
    const parsed = WEIGHT.exec(text);
    if (parsed !== null) weight = Number(parsed[1]);
    else if (text !== '' && !(CHARSET.test(text) && subtype.endsWith('json'))) return null;
  }
  return { type, subtype, weight };
}

/** The weight of the most specific range that matches; 0 when none does. `exact` leaves wildcards out. */
function weightOf(ranges: readonly MediaRange[], type: string, subtype: string, exact = false): number {
  let best = -1;
  let weight = 0;
  for (const range of ranges) {
    const specificity =
      range.type === type && range.subtype === subtype
        ? 2
        : range.type === type && range.subtype === '*'
          ? 1
          : range.type === '*'
            ? 0
            : -1;
    if (specificity < 0 || (exact && specificity < 2)) continue;
    if (specificity > best || (specificity === best && range.weight > weight)) {
      best = specificity;
      weight = range.weight;
    }
  }
  return weight;
}
