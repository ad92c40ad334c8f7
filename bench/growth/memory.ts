/**
 * What a seat and a claim take: of the arena, counted in it, and of the process, by what is resident. Three servers of
 * each size, each on a directory of its own: places on the floor, as many seats instead, and those seats a claim of
 * four each. What one has more than the one before it is what the seats, or the claims, take.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { formatCount, formatTable } from '../../src/cli/format.ts';
import { digits, percentile, spread } from '../figures.ts';
import type { Figure, PartReport } from '../figure.ts';
import { fillDirectory, snapshotDirectory } from './fill.ts';
import type { Filled, Hall } from './fill.ts';
import { HallServer } from './server.ts';
import type { GrowthSetting, MemorySizes } from './sizes.ts';
import type { Workplace } from './workplace.ts';

const SEATS_PER_CLAIM = 4;
const SEAT_TARGET_BYTES = 16;
const CLAIM_TARGET_BYTES = 192;
/** It hardly varies. */
const RUNS_MAX = 3;
const MIB = 1024 * 1024;

/** Bytes. */
export interface MemoryPoint {
  readonly seats: number;
  readonly claims: number;
  /** Counted in the tables of the arena. */
  readonly seatTable: number;
  readonly claimTable: number;
  /** What the event was given of the arena: with the floor only, and with seats instead. */
  readonly floorArena: number;
  readonly seatArena: number;
  /** Resident, run by run; empty where it cannot be told. */
  readonly floorResident: readonly number[];
  readonly seatResident: readonly number[];
  readonly claimResident: readonly number[];
}

export interface MemoryReport extends PartReport {
  readonly points: readonly MemoryPoint[];
}

interface Measured {
  readonly filled: Filled;
  readonly arena: number;
  readonly resident: readonly number[];
}

export async function memoryGrowth(
  how: GrowthSetting & { readonly sizes: MemorySizes },
  workplace: Workplace,
  note: (text: string) => void,
): Promise<MemoryReport> {
  const checks: AuditCheck[] = [];
  const points: MemoryPoint[] = [];
  for (const seats of how.sizes.sizes) {
    note(`memory of ${formatCount(seats)} seats …`);
    const claims = Math.floor(seats / SEATS_PER_CLAIM);
    const measure = (name: string, hall: Hall): Promise<Measured> =>
      measureHall(`${name} of ${seats}`, { ...how, hall }, workplace, checks);
    const none = { floorClaims: 0, seatClaims: 0, seatsPerClaim: SEATS_PER_CLAIM };
    // The floor has one place in all halls: an event of the rig always has a floor.
    const floor = await measure('floor', { ...none, seats: 0, floorPlaces: seats + 1 });
    const seated = await measure('seats', { ...none, seats, floorPlaces: 1 });
    const claimed = await measure('claims', { ...none, seats, floorPlaces: 1, seatClaims: claims });
    points.push({
      seats,
      claims,
      seatTable: seated.filled.seatBytes,
      claimTable: claimed.filled.claimBytes,
      floorArena: floor.arena,
      seatArena: seated.arena,
      floorResident: floor.resident,
      seatResident: seated.resident,
      claimResident: claimed.resident,
    });
  }
  return { points, checks, figures: points.slice(-1).flatMap(figuresOf), lines: describe(points) };
}

async function measureHall(
  name: string,
  how: GrowthSetting & { readonly hall: Hall },
  workplace: Workplace,
  checks: AuditCheck[],
): Promise<Measured> {
  const { hall, runs, segmentBytes } = how;
  const key = name.replaceAll(' ', '-');
  const directory = workplace.directory(key);
  const filled = fillDirectory(directory, hall, how);
  await snapshotDirectory(directory, filled.limits);
  const resident: number[] = [];
  let arena = 0;
  for (let run = 0; run < Math.min(runs, RUNS_MAX); run++) {
    const server = await HallServer.start(directory, hall.seats + hall.floorPlaces, segmentBytes);
    const bytes = server.residentBytes();
    if (bytes !== null) resident.push(bytes);
    arena = await server.allocatedBytes();
    checks.push(...(await server.audit(`memory, ${name}`, filled, 0)));
    await server.child.kill();
  }
  workplace.remove(key);
  return { filled, arena, resident };
}

/** Of the process: what each of `count` things takes, one figure a run. Pure. */
export function residentPer(larger: readonly number[], smaller: readonly number[], count: number): number[] {
  return larger.map((bytes, run) => (bytes - smaller[run]) / count);
}

function figuresOf(point: MemoryPoint): Figure[] {
  const { seats, claims, seatTable, claimTable, floorArena, seatArena } = point;
  const unit = 'bytes';
  const ofSeats = `of ${formatCount(seats)}`;
  const ofClaims = `${formatCount(claims)}, 4 seats and a customer of 16 bytes each`;
  return [
    {
      row: 'seatBytes',
      what: 'arena per seat',
      values: [seatTable / seats],
      unit,
      target: { most: SEAT_TARGET_BYTES },
      note: `${ofSeats}: its entry`,
    },
    {
      what: 'arena per seat, with rows and definition',
      values: [(seatArena - floorArena) / seats],
      unit,
      note: `${ofSeats}: more than a place on the floor takes`,
    },
    {
      row: 'claimBytes',
      what: 'arena per live claim',
      values: [claimTable / claims],
      unit,
      target: { most: CLAIM_TARGET_BYTES },
      note: ofClaims,
    },
    {
      what: 'arena set aside per place',
      values: [floorArena / seats],
      unit,
      note: 'claims, keys and customers that it may have, by the limits',
    },
    ...processFigures(point),
  ];
}

function processFigures({ seats, claims, ...point }: MemoryPoint): Figure[] {
  if (point.seatResident.length === 0) return [];
  const unit = 'bytes';
  return [
    {
      what: 'process per seat',
      values: residentPer(point.seatResident, point.floorResident, seats),
      unit,
      note: 'resident, more than with as many places on the floor',
    },
    {
      what: 'process per live claim',
      values: residentPer(point.claimResident, point.seatResident, claims),
      unit,
      note: 'resident, with its key, its customer and the rest of their pages',
    },
  ];
}

/** Pure. */
function describe(points: readonly MemoryPoint[]): string[] {
  const mib = (bytes: number): string => digits(bytes / MIB);
  const resident = (values: readonly number[]): string =>
    values.length === 0 ? 'unknown' : mib(spread(values).median);
  const rows = points.map((point) => [
    formatCount(point.seats),
    formatCount(point.claims),
    mib(point.seatTable),
    mib(point.claimTable),
    mib(point.floorArena),
    mib(point.seatArena),
    resident(point.floorResident),
    resident(point.seatResident),
    resident(point.claimResident),
  ]);
  return [
    'memory in MiB; the arena counted, the process by what is resident (Linux), medians',
    ...formatTable(
      [
        '>seats',
        '>claims of 4',
        '>seats in arena',
        '>claims in arena',
        '>given, floor',
        '>given, seats',
        '>process, floor',
        '>process, seats',
        '>process, claims',
      ],
      rows,
    ),
  ];
}

/** MiB of a process with seats and claims, and nothing where it is not known. Pure. */
export function processMib({ claimResident }: MemoryPoint): number | null {
  return claimResident.length === 0 ? null : percentile(claimResident, 0.5) / MIB;
}
