/** Which reads are measured, and what goes on beside them. Pure. */
import type { RowId } from '../targets.ts';

/** The event that is read, and one that only sells. */
export const READ_EVENT = 'hall';
export const OTHER_EVENT = 'beside';

export interface ReadCase {
  readonly what: string;
  /** After `/v1/events/{event}`. */
  readonly path: '/availability' | '/seats';
  readonly accept: 'application/json' | 'application/octet-stream';
  /** Asks with the tag of what it has: all replies are 304. So no order may be for the same event. */
  readonly isKnown: boolean;
  /** Whose orders run beside it. */
  readonly orders: typeof READ_EVENT | typeof OTHER_EVENT | null;
  readonly row: RowId | null;
}

const JSON_TYPE = 'application/json';
const OCTETS = 'application/octet-stream';

export function readCases(seats: string): ReadCase[] {
  const availability = { path: '/availability', accept: JSON_TYPE, isKnown: false, row: null } as const;
  const bits = { path: '/seats', accept: OCTETS, isKnown: false, row: null } as const;
  return [
    { ...availability, what: 'availability, idle', orders: null },
    { ...availability, what: 'availability while orders run', orders: READ_EVENT, row: 'reads' },
    { ...availability, what: '304, idle', isKnown: true, orders: null },
    { ...availability, what: '304 while orders of another event run', isKnown: true, orders: OTHER_EVENT },
    { ...bits, what: `${seats} seats as bits, idle`, orders: null },
    { ...bits, what: `${seats} seats as bits while orders run`, orders: READ_EVENT },
    { ...bits, what: `${seats} seats as JSON, idle`, accept: JSON_TYPE, orders: null },
  ];
}
