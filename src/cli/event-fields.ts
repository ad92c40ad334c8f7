/** The fields of an event that have options of their own, for `event create` and `event edit` alike. */
import type { Options } from 'yargs';
import { checkRange } from './command.ts';
import { UsageError } from './exits.ts';
import { parseJsonObject } from './input.ts';

/** What takes a limit or a bound away. */
const NONE = 'none';

export const EVENT_FIELD_OPTIONS = {
  name: { type: 'string', requiresArg: true, describe: 'For people' },
  'starts-at': { type: 'string', requiresArg: true, describe: 'RFC 3339, such as 2027-01-15T19:00:00Z' },
  'time-zone': { type: 'string', requiresArg: true, describe: 'IANA name, such as Europe/Berlin' },
  'sales-from': { type: 'string', requiresArg: true, describe: 'No sale before this time; or none' },
  'sales-until': { type: 'string', requiresArg: true, describe: 'No sale after this time; or none' },
  metadata: { type: 'string', requiresArg: true, describe: 'A JSON object of yours, 512 bytes at most' },
  'hold-seconds': { type: 'number', requiresArg: true, describe: 'How long a hold lasts' },
  'max-hold-seconds': { type: 'number', requiresArg: true, describe: 'How long with extensions' },
  'tickets-per-hold': { type: 'number', requiresArg: true, describe: 'At most, in one hold or order' },
  'tickets-per-customer': { type: 'string', requiresArg: true, describe: 'At most, held and valid; or none' },
  'holds-per-customer': { type: 'string', requiresArg: true, describe: 'At most, at one time; or none' },
} as const satisfies Record<string, Options>;

export interface EventFieldArgs {
  readonly name: string | undefined;
  readonly 'starts-at': string | undefined;
  readonly 'time-zone': string | undefined;
  readonly 'sales-from': string | undefined;
  readonly 'sales-until': string | undefined;
  readonly metadata: string | undefined;
  readonly 'hold-seconds': number | undefined;
  readonly 'max-hold-seconds': number | undefined;
  readonly 'tickets-per-hold': number | undefined;
  readonly 'tickets-per-customer': string | undefined;
  readonly 'holds-per-customer': string | undefined;
}

/** The body's members for the options that were given; those left out are not in it. */
export function readEventFields(args: EventFieldArgs): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const put = (name: string, value: unknown): void => {
    if (value !== undefined) fields[name] = value;
  };
  put('name', args.name);
  put('startsAt', args['starts-at']);
  put('timeZone', args['time-zone']);
  put('salesFrom', orNull(args['sales-from']));
  put('salesUntil', orNull(args['sales-until']));
  if (args.metadata !== undefined) put('metadata', parseJsonObject(args.metadata, '--metadata'));
  const limits = readLimits(args);
  if (Object.keys(limits).length > 0) put('limits', limits);
  return fields;
}

function readLimits(args: EventFieldArgs): Record<string, number | null> {
  const limits: Record<string, number | null> = {};
  for (const [option, name] of [
    ['hold-seconds', 'holdSeconds'],
    ['max-hold-seconds', 'maxHoldSeconds'],
    ['tickets-per-hold', 'ticketsPerHold'],
  ] as const) {
    const value = args[option];
    checkRange(option, value, 1, Number.MAX_SAFE_INTEGER);
    if (value !== undefined) limits[name] = value;
  }
  for (const [option, name] of [
    ['tickets-per-customer', 'ticketsPerCustomer'],
    ['holds-per-customer', 'holdsPerCustomer'],
  ] as const) {
    const text = orNull(args[option]);
    if (text === undefined) continue;
    if (text !== null && !/^[1-9][0-9]{0,8}$/.test(text)) {
      throw new UsageError(`--${option} takes a whole number from 1, or none; not ${text}`);
    }
    limits[name] = text === null ? null : Number(text);
  }
  return limits;
}

function orNull(text: string | undefined): string | null | undefined {
  return text === NONE ? null : text;
}
