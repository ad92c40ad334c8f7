/**
 * The two events that `serve --demo` starts an empty server with: a hall with seats and a club without.
 * Only definitions: whoever starts the server sends them through the client.
 */
import type { EventInput, RowInput, SeatInput } from './client/index.ts';

const STALLS_ROWS = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const CIRCLE_ROWS = 'ABCDEFGHJKLMNP';

/** About 2,000 seats in four sections, prices in EUR; `hall`. Starts a good year after `now`. */
export function demoHall(now: Date): EventInput {
  return {
    id: 'hall',
    name: 'Winter Gala',
    state: 'open',
    startsAt: eveningAfter(now, 380),
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    limits: { holdSeconds: 300, maxHoldSeconds: 1800, ticketsPerHold: 8 },
    sections: [
      { id: 'stalls', name: 'Stalls', kind: 'seated', price: 9000, rows: stallsRows() },
      { id: 'circle', name: 'Circle', kind: 'seated', price: 6500, rows: circleRows() },
      { id: 'box-left', name: 'Boxes left', kind: 'seated', price: 12000, rows: boxRows() },
      { id: 'box-right', name: 'Boxes right', kind: 'seated', price: 12000, rows: boxRows() },
    ],
  };
}

/** One general section of 500 places; `club`. */
export function demoClub(now: Date): EventInput {
  return {
    id: 'club',
    name: 'Club Night',
    state: 'open',
    startsAt: eveningAfter(now, 400),
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    sections: [{ id: 'general', name: 'Floor', kind: 'general', capacity: 500, price: 2500 }],
  };
}

/** Three blocks with two aisles; the room widens to the back, and the last row has places for wheelchairs. */
function stallsRows(): RowInput[] {
  return STALLS_ROWS.split('').map((id, index) => {
    const side = Math.min(12, 7 + (index >> 1));
    const middle = Math.min(30, 22 + (index >> 1) * 2);
    const seats: SeatInput[] = [run(1, side), null, run(side + 1, side + middle), null];
    const right = [side + middle + 1, 2 * side + middle] as const;
    if (index < STALLS_ROWS.length - 1) return { id, seats: [...seats, run(...right)] };
    const wheelchairs = [right[1] - 3, right[1] - 2, right[1] - 1, right[1]].map((seat) => wheelchair(seat));
    return { id, seats: [...seats, run(right[0], right[1] - 4), ...wheelchairs] };
  });
}

function circleRows(): RowInput[] {
  return CIRCLE_ROWS.split('').map((id, index) => {
    const half = Math.min(28, 23 + (index >> 1));
    const left: SeatInput[] = index === 0 ? [wheelchair(1), wheelchair(2), run(3, half)] : [run(1, half)];
    return { id, seats: [...left, null, run(half + 1, 2 * half)] };
  });
}

function boxRows(): RowInput[] {
  return ['1', '2', '3', '4'].map((id) => ({ id, seats: ['1..4', null, '5..8'] }));
}

function run(first: number, last: number): string {
  return `${first}..${last}`;
}

function wheelchair(seat: number): SeatInput {
  return { id: String(seat), features: ['wheelchair'] };
}

function eveningAfter(now: Date, days: number): string {
  const date = new Date(now.getTime() + days * 86_400_000);
  date.setUTCHours(19, 0, 0, 0);
  return date.toISOString().replace('.000Z', 'Z');
}
