/**
 * How places are written on the command line. One place for all commands that take, add, remove or block some.
 *
 *   stalls-A-12          a seat                   stalls-A-12:adult      at this price type
 *   floor=2              places in a section      floor=2:adult          at this price type
 *   stalls=3:required    the best seats side by side, or none; `preferred` splits them where it must
 */
import type { Options } from 'yargs';
import type { ItemInput } from '../client/index.ts';
import { checkRange, splitList } from './command.ts';
import { UsageError } from './exits.ts';

/** Places in one hold or order. Source: API.md. */
const PLACES_MAX = 100;

type Adjacent = 'required' | 'preferred';

export const PLACE_OPTIONS = {
  seats: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'These seats, such as stalls-A-12,stalls-A-13',
  },
  section: { type: 'string', requiresArg: true, describe: 'Places in this section, with --quantity' },
  quantity: { type: 'number', requiresArg: true, describe: 'How many of --section' },
  item: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'A seat, or SECTION=QUANTITY; may be repeated',
  },
} as const satisfies Record<string, Options>;

export const ITEM_OPTIONS = {
  ...PLACE_OPTIONS,
  seats: {
    ...PLACE_OPTIONS.seats,
    describe: 'These seats, such as stalls-A-12:adult,stalls-A-13:child',
  },
  section: { ...PLACE_OPTIONS.section, describe: 'The best places in this section, with --quantity' },
  type: { type: 'string', requiresArg: true, describe: 'Price type of what names none itself' },
  adjacent: {
    choices: ['required', 'preferred'],
    requiresArg: true,
    describe: 'Side by side, in a seated section',
  },
  item: {
    ...PLACE_OPTIONS.item,
    describe: 'SEAT[:TYPE], or SECTION=QUANTITY[:TYPE][:required]; may be repeated',
  },
} as const satisfies Record<string, Options>;

export interface PlaceArgs {
  readonly seats: readonly string[] | undefined;
  readonly section: string | undefined;
  readonly quantity: number | undefined;
  readonly item: readonly string[] | undefined;
  readonly type?: string | undefined;
  readonly adjacent?: string | undefined;
}

/** Everything the flags name, in the order seats, section, items. Empty when they name nothing. */
export function readPlaces(args: PlaceArgs, most: number = PLACES_MAX): ItemInput[] {
  checkRange('quantity', args.quantity, 1, most);
  const items = splitList(args.seats).map((text) => readSeat(text, '--seats'));
  if (args.section !== undefined) {
    if (args.quantity === undefined) throw new UsageError('--section goes with --quantity');
    const adjacent = args.adjacent as Adjacent | undefined;
    items.push({
      section: args.section,
      quantity: args.quantity,
      ...(adjacent === undefined ? {} : { adjacent }),
    });
  } else if (args.quantity !== undefined || args.adjacent !== undefined) {
    throw new UsageError(`--${args.quantity === undefined ? 'adjacent' : 'quantity'} goes with --section`);
  }
  items.push(...splitList(args.item).map((text) => readItem(text, '--item', most)));
  if (args.type === undefined) return items;
  if (items.length === 0) throw new UsageError('--type goes with --seats, --section or --item');
  const { type } = args;
  return items.map((item) => (item.type === undefined ? Object.assign(item, { type }) : item));
}

/** The values of an option that takes items and nothing else, such as `--add`. */
export function readItemList(
  values: readonly string[] | undefined,
  label: string,
  most: number = PLACES_MAX,
): ItemInput[] {
  return splitList(values).map((text) => readItem(text, label, most));
}

function readItem(text: string, label: string, most: number): ItemInput {
  if (!text.includes('=')) return readSeat(text, label);
  const [place, ...words] = text.split(':');
  const [section, count] = place.split('=');
  const quantity = /^[0-9]{1,7}$/.test(count) ? Number(count) : 0;
  if (section === '' || quantity < 1 || quantity > most) {
    throw new UsageError(`${label} ${text}: after the section comes = and a number from 1 to ${most}`);
  }
  const adjacent = words.find((word): word is Adjacent => word === 'required' || word === 'preferred');
  const types = words.filter((word) => word !== adjacent);
  if (types.length > 1 || types.includes('')) {
    throw new UsageError(`${label} ${text} is not SECTION=QUANTITY[:TYPE][:required]`);
  }
  return {
    section,
    quantity,
    ...(types.length === 0 ? {} : { type: types[0] }),
    ...(adjacent === undefined ? {} : { adjacent }),
  };
}

const SEAT = /^[a-z0-9][a-z0-9-]*-[A-Za-z0-9]{1,8}-[A-Za-z0-9]{1,8}$/;

function readSeat(text: string, label: string): ItemInput {
  const [seat, type, ...more] = text.split(':');
  if (!SEAT.test(seat) || type === '' || more.length > 0) {
    throw new UsageError(`${label} ${text}: a seat is section-row-number, such as stalls-A-12`);
  }
  return type === undefined ? { seat } : { seat, type };
}
