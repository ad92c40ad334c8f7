/**
 * A server of some scale and one client who orders there: filled, started, warm; and audited when it has been measured.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import type { SeededRandom } from '../../src/journal/random.ts';
import { benchEvent, FLOOR, placesFor, QUANTITY, STALLS } from '../requests.ts';
import { runWrk } from '../wrk.ts';
import { EVENT, fillDirectory, hallOf, ROW_SEATS, snapshotDirectory } from './fill.ts';
import type { Filled } from './fill.ts';
import { CHANGES_PER_ORDER, OrderClient } from './order-client.ts';
import type { Wish } from './order-client.ts';
import { HallServer } from './server.ts';
import type { GrowthSetting } from './sizes.ts';
import type { Workplace } from './workplace.ts';

/** How much there is. */
export interface Scale {
  readonly events: number;
  /** Of the first event. */
  readonly claims: number;
  readonly seats: number;
  /** Of each further event: whole rows. */
  readonly otherSeats: number;
}

/** What an order is for. */
export type OrderKind = 'floor' | 'another event' | 'a seat' | 'best seats';

/** On the floor of each further event. */
const OTHER_FLOOR_PLACES = 200;
/** As benchEvent() makes them. */
const OTHER_ROW_SEATS = 100;
const WARM_CONNECTIONS = 64;

/** A server of some scale and who orders there. */
export interface Side {
  readonly scale: Scale;
  readonly filled: Filled;
  readonly server: HallServer;
  readonly client: OrderClient;
  /** In the workplace. */
  readonly directory: string;
}

/** `orders`: as many as the event may get. There is a free place for each, and keys follow from places. */
export async function startSide(
  scale: Scale,
  how: GrowthSetting & { readonly warmUpSeconds: number; readonly orders: number },
  workplace: Workplace,
): Promise<Side> {
  const { warmUpSeconds, segmentBytes } = how;
  const name = `order-${scale.events}-${scale.claims}-${scale.seats}`;
  const directory = workplace.directory(name);
  const hall = hallOf(scale.claims, scale.seats, how.orders);
  const filled = fillDirectory(directory, hall, how);
  await snapshotDirectory(directory, filled.limits);
  const warmPlaces = placesFor(warmUpSeconds);
  const places =
    hall.seats + hall.floorPlaces + scale.events * (OTHER_FLOOR_PLACES + scale.otherSeats) + warmPlaces;
  const server = await HallServer.start(directory, places, segmentBytes);
  const rows = scale.otherSeats / OTHER_ROW_SEATS;
  for (let other = 1; other < scale.events; other++) {
    await server.client.events.create(benchEvent(otherEvent(other), OTHER_FLOOR_PLACES, rows));
  }
  if (warmUpSeconds > 0) {
    await server.client.events.create(benchEvent('warm', warmPlaces, 0));
    await runWrk({
      url: `${server.child.url}/v1/events/warm/orders`,
      connections: WARM_CONNECTIONS,
      seconds: warmUpSeconds,
      directory: workplace.directory('wrk'),
      post: { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: 'warm' },
    });
  }
  const client = new OrderClient(server.child.url);
  return { scale, filled, server, client, directory: name };
}

function otherEvent(number: number): string {
  return `other-${number}`;
}

/** Orders of a kind, at random where there is a choice. */
export function wishes(
  { scale, filled }: Pick<Side, 'scale' | 'filled'>,
  kind: OrderKind,
  random: SeededRandom,
): () => Wish {
  const floor = [{ section: FLOOR, quantity: QUANTITY }];
  const taken = filled.hall.seatClaims * filled.hall.seatsPerClaim;
  switch (kind) {
    case 'floor':
      return () => ({ event: EVENT, items: floor });
    case 'another event':
      return () => {
        const number = random.below(scale.events);
        return { event: number === 0 ? EVENT : otherEvent(number), items: floor };
      };
    case 'a seat':
      return () => ({
        event: EVENT,
        items: [{ seat: seatLabel(taken + random.below(scale.seats - taken)) }],
      });
    case 'best seats':
      return () => ({ event: EVENT, items: [{ section: STALLS, quantity: QUANTITY }] });
  }
}

/** As the rig names rows and seats. */
function seatLabel(seat: number): string {
  return `${STALLS}-R${Math.floor(seat / ROW_SEATS) + 1}-${(seat % ROW_SEATS) + 1}`;
}

/** Everything is as it was, but for two changes an order; then the server goes, and its directory. */
export async function endSide(name: string, side: Side, workplace: Workplace): Promise<AuditCheck[]> {
  const { filled, server, client } = side;
  const ordersOf = (event: string): number => client.ordered.get(event) ?? 0;
  const checks = await server.audit(name, filled, ordersOf(EVENT) * CHANGES_PER_ORDER);
  const others = [...client.ordered.keys()].filter((event) => event !== EVENT);
  let asDue = 0;
  for (const event of others) {
    const { available, capacity, sequence } = await server.client.events.availability(event);
    if (available === capacity && sequence === 1 + ordersOf(event) * CHANGES_PER_ORDER) asDue++;
  }
  if (others.length > 0) {
    const detail = `${asDue} of ${others.length} events`;
    checks.push({ name: `${name}: other events have their orders`, ok: asDue === others.length, detail });
  }
  await server.child.kill();
  workplace.remove(side.directory);
  return checks;
}
