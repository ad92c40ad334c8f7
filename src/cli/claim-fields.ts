/** What a hold or an order may carry beside its places, as options; and the body that comes of it. */
import type { Options } from 'yargs';
import type { ItemInput } from '../client/index.ts';
import { checkRange } from './command.ts';
import { UsageError } from './exits.ts';
import { parseJsonObject, readJsonObject } from './input.ts';
import { readPlaces } from './items.ts';
import type { PlaceArgs } from './items.ts';
import type { Session } from './session.ts';

export const REFERENCE_OPTIONS = {
  reference: { type: 'string', requiresArg: true, describe: 'Yours, such as a payment id' },
  metadata: { type: 'string', requiresArg: true, describe: 'A JSON object of yours, 512 bytes at most' },
} as const satisfies Record<string, Options>;

export const CLAIM_OPTIONS = {
  customer: { type: 'string', requiresArg: true, describe: 'Whom for; opaque, no personal data' },
  ...REFERENCE_OPTIONS,
} as const satisfies Record<string, Options>;

export const EXPECT_TOTAL = {
  type: 'number',
  requiresArg: true,
  describe: 'Refuse if the total, in minor units, is another',
} as const satisfies Options;

interface ReferenceArgs {
  readonly reference: string | undefined;
  readonly metadata: string | undefined;
}

/** `reference` and `metadata`, where given. */
export function readReference(args: ReferenceArgs): {
  reference?: string;
  metadata?: Record<string, unknown>;
} {
  return {
    ...(args.reference === undefined ? {} : { reference: args.reference }),
    ...(args.metadata === undefined ? {} : { metadata: parseJsonObject(args.metadata, '--metadata') }),
  };
}

interface ClaimArgs extends PlaceArgs, ReferenceArgs {
  readonly file: string | undefined;
  readonly customer: string | undefined;
  readonly seconds?: number | undefined;
  readonly 'expect-total': number | undefined;
}

export interface ClaimBody {
  readonly items: readonly ItemInput[];
  readonly customer?: string;
  readonly seconds?: number;
  readonly expectTotal?: number;
  readonly reference?: string;
  readonly metadata?: Record<string, unknown>;
}

/** The body of a hold or an order: a file's, or stdin's, with what the flags say over it. */
export async function readClaim(args: ClaimArgs, what: string, session: Session): Promise<ClaimBody> {
  checkRange('seconds', args.seconds, 1, Number.MAX_SAFE_INTEGER);
  checkRange('expect-total', args['expect-total'], 0, Number.MAX_SAFE_INTEGER);
  const items = readPlaces(args);
  const file = args.file === undefined ? {} : await readJsonObject(args.file, session);
  if (items.length > 0 && file['items'] !== undefined) {
    throw new UsageError('the places are either in the JSON or in the options, not in both');
  }
  if (items.length === 0 && file['items'] === undefined) {
    throw new UsageError(`say what to ${what}: --seats, --section with --quantity, or --item`);
  }
  const fields = {
    ...file,
    ...(args.customer === undefined ? {} : { customer: args.customer }),
    ...(args.seconds === undefined ? {} : { seconds: args.seconds }),
    ...(args['expect-total'] === undefined ? {} : { expectTotal: args['expect-total'] }),
    ...readReference(args),
  };
  // What is wrong with a file's fields is for the server to say.
  return { ...fields, items: items.length > 0 ? items : (file['items'] as ItemInput[]) };
}
