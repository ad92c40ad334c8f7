/**
 * Holds in Redis: one Lua script checks the key, takes the places, and keeps hold, deadline and key. A script runs
 * alone, so that is atomic; all its writes go to the append-only file as one transaction.
 */
import { createClient, defineScript } from 'redis';
import type { CommandParser } from 'redis';
import type { Counts, Hold, HoldOutcome, HoldStore, StoreLost, StoreSettings } from './hold-store.ts';
import { Lanes } from './lanes.ts';

const KEY_TTL_SECONDS = 24 * 3600;

/**
 * Answers the id of the hold that the key stands for: the new one, or an earlier one. Nil: not enough places.
 * KEYS: section, hold, deadlines, key. ARGV: id, quantity, deadline in ms, seconds that keys are kept, and the other
 * fields of the hold.
 */
const HOLD_SCRIPT = `
local earlier = redis.call('GET', KEYS[4])
if earlier then return earlier end
local available = redis.call('HGET', KEYS[1], 'available')
if not available or tonumber(available) < tonumber(ARGV[2]) then return nil end
redis.call('HINCRBY', KEYS[1], 'available', -ARGV[2])
redis.call('HSET', KEYS[2], 'quantity', ARGV[2], unpack(ARGV, 5))
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
redis.call('SET', KEYS[4], ARGV[1], 'EX', ARGV[4])
return ARGV[1]
`;

/** The braces put all keys of an event into one slot of a cluster, should there be one. */
const keyOf = (event: string, kind: string, name: string): string => `{${event}}:${kind}:${name}`;

const HOLD = defineScript({
  NUMBER_OF_KEYS: 4,
  SCRIPT: HOLD_SCRIPT,
  IS_READ_ONLY: false,
  parseCommand(parser: CommandParser, hold: Hold, key: string) {
    const { id, event, customer, section, quantity, createdAt, expiresAt } = hold;
    parser.pushKey(keyOf(event, 'section', section));
    parser.pushKey(keyOf(event, 'hold', id));
    parser.pushKey(keyOf(event, 'deadlines', section));
    parser.pushKey(keyOf(event, 'key', key));
    parser.push(id, String(quantity), String(Date.parse(expiresAt)), String(KEY_TTL_SECONDS));
    parser.push('customer', customer, 'section', section, 'createdAt', createdAt, 'expiresAt', expiresAt);
  },
  transformReply: (reply: unknown) => reply as string | null,
});

type RedisLane = Awaited<ReturnType<typeof openLane>>;

async function openLane(socket: string, lost: StoreLost) {
  const client = createClient({
    socket: { path: socket, tls: false },
    scripts: { hold: HOLD },
    // Else node-redis makes an AbortSignal with a timer for each command: a tenth of what a request costs.
    commandOptions: { timeout: 0 },
  });
  client.on('error', lost);
  await client.connect();
  return client;
}

export class RedisStore implements HoldStore {
  readonly #lanes: Lanes<RedisLane>;

  private constructor(lanes: Lanes<RedisLane>) {
    this.#lanes = lanes;
  }

  static async open(socket: string, connections: number, lost: StoreLost): Promise<RedisStore> {
    const lanes = new Lanes(() => openLane(socket, lost));
    await lanes.resize(connections);
    return new RedisStore(lanes);
  }

  async take(hold: Hold, key: string): Promise<HoldOutcome> {
    const id = await this.#lanes.run((lane) => lane.hold(hold, key));
    if (id === hold.id) return { kind: 'made' };
    if (id === null) return { kind: 'not-enough' };
    const fields = await this.#lanes.run((lane) => lane.hGetAll(keyOf(hold.event, 'hold', id)));
    const { customer, section, quantity, createdAt, expiresAt } = fields;
    const earlier = { id, event: hold.event, customer, section, createdAt, expiresAt };
    return { kind: 'earlier', hold: { ...earlier, quantity: Number(quantity) } };
  }

  async define(event: string, section: string, capacity: number): Promise<void> {
    const fields = { capacity: String(capacity), available: String(capacity) };
    await this.#lanes.run(async (lane) => {
      await lane.sAdd(`sections:${event}`, section);
      await lane.hSet(keyOf(event, 'section', section), fields);
    });
  }

  counts(event: string): Promise<Counts> {
    return this.#lanes.run(async (lane) => {
      const total = { capacity: 0, available: 0, holds: 0, places: 0 };
      for (const section of await lane.sMembers(`sections:${event}`)) {
        const { capacity, available } = await lane.hGetAll(keyOf(event, 'section', section));
        // One command for the quantities of all holds: each is read, none is assumed.
        const quantities = await lane.sort(keyOf(event, 'deadlines', section), {
          BY: 'nosort',
          GET: keyOf(event, 'hold', '*->quantity'),
        });
        total.capacity += Number(capacity);
        total.available += Number(available);
        total.holds += quantities.length;
        total.places += quantities.reduce((sum, quantity) => sum + Number(quantity), 0);
      }
      return total;
    });
  }

  async clear(): Promise<void> {
    await this.#lanes.run((lane) => lane.flushAll('SYNC'));
  }

  resize(connections: number): Promise<void> {
    return this.#lanes.resize(connections);
  }

  async settings(): Promise<StoreSettings> {
    const { appendonly, appendfsync } = await this.#lanes.run((lane) => lane.configGet('append*'));
    return {
      durable: appendonly === 'yes' && appendfsync === 'always',
      text: appendonly === 'yes' ? `appendonly yes, appendfsync ${appendfsync}` : 'appendonly no',
    };
  }

  close(): Promise<void> {
    return this.#lanes.close();
  }
}
