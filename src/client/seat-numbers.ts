/**
 * A row's seats one by one. Definitions may write a run as `"1..8"`, in what is sent and in what comes back;
 * states (`seats` replies) have a letter for each seat of the run, and none for an aisle.
 */
import type { SeatInput } from './inputs.ts';

export interface RowSeat {
  readonly number: string;
  readonly features: readonly string[];
}

const RUN = /^(\d+)\.\.(\d+)$/;
/** More than any row has: a bad run must not fill the memory. */
const SEATS_MAX = 2_000_000;

/** Seats in physical order, `null` for an aisle. Throws a RangeError for a run that is none. */
export function expandSeats(seats: readonly SeatInput[]): (RowSeat | null)[] {
  return seats.flatMap((seat): (RowSeat | null)[] => {
    if (seat === null) return [null];
    if (typeof seat !== 'string') return [{ number: seat.id, features: seat.features ?? [] }];
    const run = RUN.exec(seat);
    if (run === null) return [{ number: seat, features: [] }];
    const first = Number(run[1]);
    const count = Number(run[2]) - first + 1;
    if (count < 1 || count > SEATS_MAX) throw new RangeError(`${seat} is no run of seats`);
    return Array.from({ length: count }, (_, index) => ({ number: String(first + index), features: [] }));
  });
}

/** The same without the aisles: the seats that have a letter in a `seats` reply, in its order. */
export function listSeats(seats: readonly SeatInput[]): RowSeat[] {
  return expandSeats(seats).filter((seat) => seat !== null);
}
