/** `frontrow block` and `unblock`: places off sale and back. Two names, one shape. */
import type { BlockInput, BlockReply, FrontrowClient, ItemInput } from '../client/index.ts';
import { defineCommand, EVENT, IDEMPOTENCY_KEY } from './command.ts';
import type { Command } from './command.ts';
import { UsageError } from './exits.ts';
import { formatCount } from './format.ts';
import { parseJsonObject, readSource } from './input.ts';
import { PLACE_OPTIONS, readItemList, readPlaces } from './items.ts';
import { Progress } from './progress.ts';
import type { Session } from './session.ts';

/** Places in one call. Source: API.md. */
const PLACES_MAX = 2000;

type Verb = 'block' | 'unblock';
type Place = BlockInput['items'][number];

export const block = blockCommand('block', 'Take places off sale', 'blocked');
export const unblock = blockCommand('unblock', 'Put blocked places back on sale', 'available again');

function blockCommand(verb: Verb, describe: string, done: string): Command {
  return defineCommand({
    usage: `${verb} <event> [file]`,
    describe,
    positionals: {
      event: EVENT,
      file: { type: 'string', describe: 'Seats, a line each, or JSON as the call takes it; - is stdin' },
    },
    options: {
      ...PLACE_OPTIONS,
      reason: { type: 'string', requiresArg: true, describe: 'Kept in the history; no personal data' },
      'idempotency-key': IDEMPOTENCY_KEY,
    },
    examples: [
      [`frontrow ${verb} gala --seats stalls-A-1,stalls-A-2 --reason camera`, ''],
      [`frontrow ${verb} gala --section floor --quantity 200`, ''],
      [`frontrow seats gala --section stalls --row F --quiet | frontrow ${verb} gala -`, ''],
    ],
    notes:
      `All or nothing: where one place cannot be ${done}, none is. Places that are so already do not count. ` +
      `More than ${formatCount(PLACES_MAX)} places go in several calls, each of them all or nothing.`,
    async run(args, session) {
      const file = args.file === undefined ? { items: [] } : await readFilePlaces(args.file, session);
      const flags = readPlaces(args, Number.MAX_SAFE_INTEGER).map(placeOf);
      const items = [...file.items, ...flags];
      if (items.length === 0) {
        throw new UsageError(
          `say what to ${verb}: --seats, --section with --quantity, --item, or - for a list`,
        );
      }
      const reason = args.reason ?? file.reason;
      const calls = splitCalls(items).map((part) =>
        reason === undefined ? { items: part } : { items: part, reason },
      );
      const reply = await callEach(session, args.event, verb, calls, args['idempotency-key']);
      await session.show(reply, reply.event, () => describeBlock(reply, done, session));
    },
  });
}

async function readFilePlaces(
  source: string,
  session: Session,
): Promise<{ items: Place[]; reason?: string }> {
  const text = await readSource(source, session);
  if (!text.trimStart().startsWith('{')) {
    const words = text.split(/[\s,]+/).filter((word) => word !== '');
    return { items: readItemList(words, 'list', Number.MAX_SAFE_INTEGER).map(placeOf) };
  }
  const body = parseJsonObject(text, 'the JSON');
  if (!Array.isArray(body['items'])) throw new UsageError('the JSON has no list of items');
  // What is wrong with the rest is for the server to say.
  return body as unknown as { items: Place[]; reason?: string };
}

function placeOf(item: ItemInput): Place {
  if (item.type !== undefined || ('adjacent' in item && item.adjacent !== undefined)) {
    throw new UsageError('places that are blocked have no price type, and are not chosen side by side');
  }
  return item;
}

/** As few lists of at most PLACES_MAX places as the order of items allows; a large quantity is cut. */
function splitCalls(items: readonly Place[]): Place[][] {
  const calls: Place[][] = [];
  let room = 0;
  const put = (place: Place, count: number): void => {
    if (room === 0) {
      calls.push([]);
      room = PLACES_MAX;
    }
    calls.at(-1)?.push(place);
    room -= count;
  };
  for (const item of items) {
    if (!('quantity' in item) || !Number.isInteger(item.quantity)) {
      put(item, 1);
      continue;
    }
    let left = item.quantity;
    do {
      const quantity = Math.min(left, room === 0 ? PLACES_MAX : room);
      put({ ...item, quantity }, Math.max(1, quantity));
      left -= quantity;
    } while (left > 0);
  }
  return calls;
}

/** The last reply, with the changes of all calls. Calls after the first have keys made of the given one. */
async function callEach(
  session: Session,
  event: string,
  verb: Verb,
  calls: readonly BlockInput[],
  key: string | undefined,
): Promise<BlockReply> {
  const client: FrontrowClient = session.client();
  const progress = new Progress(session);
  let changed = 0;
  let reply: BlockReply | null = null;
  try {
    for (const [index, input] of calls.entries()) {
      const part = key === undefined || index === 0 ? key : `${key}-${index + 1}`;
      reply = await client.events[verb](event, input, { idempotencyKey: part });
      changed += reply.changed;
      if (calls.length > 1) progress.show(`${verb}: ${index + 1} of ${calls.length} calls …`);
    }
  } catch (error) {
    progress.clear();
    if (changed > 0)
      session.tell(`${formatCount(changed)} places were done before this; the same again goes on.`);
    throw error;
  }
  progress.clear();
  if (reply === null) throw new UsageError(`nothing to ${verb}`);
  return { ...reply, changed };
}

function describeBlock(reply: BlockReply, done: string, session: Session): string[] {
  const rows = reply.sections.map((section) => [
    section.id,
    formatCount(section.capacity),
    formatCount(section.available),
    formatCount(section.held),
    formatCount(section.sold),
    formatCount(section.blocked),
  ]);
  const headers = ['section', '>places', '>available', '>held', '>sold', '>blocked'];
  const fields = session.fields([
    ['event', reply.event],
    ['changed', `${formatCount(reply.changed)} ${reply.changed === 1 ? 'place is' : 'places are'} ${done}`],
    ['sequence', String(reply.sequence)],
  ]);
  return [...fields, '', ...session.table(headers, rows)];
}
