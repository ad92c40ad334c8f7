/**
 * How long a server takes to be ready again, against what it holds: from a snapshot, and from segments alone; and how
 * long its snapshot thread takes for the next snapshot. Starts of all sizes take turns, with one of a server that holds
 * nothing. Files come from the page cache, as after a crash of the process; a machine that was off reads its disk first.
 */
import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { formatCount, formatTable } from '../../src/cli/format.ts';
import { digits, spread } from '../figures.ts';
import type { Figure, PartReport } from '../figure.ts';
import { fillDirectory, hallOf, snapshotDirectory } from './fill.ts';
import type { Filled, Hall, SnapshotTime } from './fill.ts';
import { HallServer } from './server.ts';
import type { GrowthSetting, RecoverySizes } from './sizes.ts';
import type { Workplace } from './workplace.ts';

const MIB = 1024 * 1024;
const ROOM = 10_000;
/** DESIGN §8: of a million claims and seats, and of any number of frames. */
export const RECOVERY_TARGET_SECONDS = 2;
const RECOVERY_TARGET_SIZE = 1_000_000;
const REPLAY_TARGET = 1;
const REPLAY_TARGET_SIZE = 1_000_000;

/** A directory that servers are started on. */
interface Case {
  readonly name: string;
  readonly directory: string;
  /** Null: nothing was ever in it. */
  readonly filled: Filled | null;
}

export interface RecoveryPoint {
  /** Claims, and seats; or frames. */
  readonly size: number;
  /** From the start of the process until it is ready. */
  readonly readySeconds: readonly number[];
  /** What the journal thread took of it. */
  readonly recoverySeconds: readonly number[];
}

export interface SnapshotPoint {
  readonly size: number;
  readonly bytes: number;
  readonly seconds: readonly number[];
  /** The same number of bytes written and synced, without a thought. */
  readonly writeSeconds: readonly number[];
}

export interface RecoveryReport extends PartReport {
  readonly emptySeconds: readonly number[];
  readonly snapshots: readonly SnapshotPoint[];
  readonly recoveries: readonly RecoveryPoint[];
  readonly replays: readonly RecoveryPoint[];
}

export async function recoveryGrowth(
  how: GrowthSetting & { readonly sizes: RecoverySizes },
  workplace: Workplace,
  note: (text: string) => void,
): Promise<RecoveryReport> {
  const { sizes, runs } = how;
  const empty: Case = { name: 'empty', directory: workplace.directory('empty'), filled: null };
  const fill = (name: string, hall: Hall): Case & { readonly filled: Filled } => {
    note(`filling ${name} …`);
    const directory = workplace.directory(name.replaceAll(' ', '-'));
    return { name, directory, filled: fillDirectory(directory, hall, how) };
  };
  const halls = sizes.sizes.map((size) => fill(`hall of ${size}`, hallOf(size, size, ROOM)));
  const snapshots: SnapshotPoint[] = [];
  for (const [index, size] of sizes.sizes.entries()) {
    note(`snapshots of ${formatCount(size)} claims and seats …`);
    snapshots.push(await timeSnapshots(size, halls[index], runs, workplace));
  }
  const segments = sizes.frames.map((count) => fill(`journal of ${count}`, hallOf(count, 0, ROOM)));
  note('starts …');
  const { starts, checks } = await timeStarts([empty, ...halls, ...segments], how);
  const [first, ...others] = starts;
  const points = (from: number, of: readonly number[]): RecoveryPoint[] =>
    of.map((size, index) => ({ size, ...others[from + index] }));
  const recoveries = points(0, sizes.sizes);
  const replays = points(sizes.sizes.length, sizes.frames);
  for (const { directory } of [...halls, ...segments]) workplace.remove(directory);
  const report = { emptySeconds: first.readySeconds, snapshots, recoveries, replays };
  return { ...report, checks, figures: figuresOf(report), lines: describe(report) };
}

/** The first is made of frames alone, and the ones after it as the server makes them: each from the one before. */
async function timeSnapshots(
  size: number,
  { directory, filled }: { readonly directory: string; readonly filled: Filled },
  runs: number,
  workplace: Workplace,
): Promise<SnapshotPoint> {
  await snapshotDirectory(directory, filled.limits);
  const taken: SnapshotTime[] = [];
  const writeSeconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const snapshot = await snapshotDirectory(directory, filled.limits);
    taken.push(snapshot);
    writeSeconds.push(writeAndSync(join(workplace.directory('write'), 'bytes'), snapshot.bytes));
  }
  return { size, bytes: taken[0].bytes, seconds: taken.map(({ ms }) => ms / 1000), writeSeconds };
}

/** Seconds. */
function writeAndSync(path: string, bytes: number): number {
  const piece = new Uint8Array(MIB).fill(1);
  const started = performance.now();
  const file = openSync(path, 'w');
  try {
    for (let at = 0; at < bytes; at += MIB) writeSync(file, piece, 0, Math.min(MIB, bytes - at), at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  const seconds = (performance.now() - started) / 1000;
  unlinkSync(path);
  return seconds;
}

async function timeStarts(
  cases: readonly Case[],
  { runs, segmentBytes }: GrowthSetting,
): Promise<{ starts: Omit<RecoveryPoint, 'size'>[]; checks: AuditCheck[] }> {
  const starts = cases.map(() => ({ readySeconds: [] as number[], recoverySeconds: [] as number[] }));
  const checks: AuditCheck[] = [];
  // The first start of each is not counted: it makes the spare segments that every later one finds.
  for (let run = 0; run <= runs; run++) {
    for (const [index, { name, directory, filled }] of cases.entries()) {
      const places = filled === null ? 0 : filled.hall.seats + filled.hall.floorPlaces;
      const server = await HallServer.start(directory, places, segmentBytes);
      if (filled !== null) checks.push(...(await server.audit(`${name}, start ${run}`, filled, 0)));
      // As a crash would, so that nothing is made easier for the next start.
      await server.child.kill();
      if (run === 0) continue;
      starts[index].readySeconds.push(server.readyMs / 1000);
      starts[index].recoverySeconds.push(server.recovered.ms / 1000);
    }
  }
  return { starts, checks };
}

/** Millions of frames per second that the journal thread read and applied. Pure. */
export function replayRates({ size, recoverySeconds }: RecoveryPoint): number[] {
  return recoverySeconds.map((seconds) => size / seconds / 1e6);
}

function figuresOf(report: Omit<RecoveryReport, keyof PartReport>): Figure[] {
  const empty = spread(report.emptySeconds).median;
  const times = (seconds: readonly number[], other: number): string =>
    `${digits(spread(seconds).median / other)} ×`;
  return [
    { what: 'start of a server that holds nothing', values: report.emptySeconds, unit: 's' },
    ...report.recoveries.map(({ size, readySeconds }): Figure => ({
      what: `start from a snapshot of ${formatCount(size)} claims and seats`,
      values: readySeconds,
      unit: 's',
      ...(size >= RECOVERY_TARGET_SIZE && { target: { most: RECOVERY_TARGET_SECONDS } }),
      note: `until /readyz says so; ${times(readySeconds, empty)} that of nothing`,
    })),
    ...report.replays.map((point): Figure => {
      const { size, readySeconds } = point;
      return {
        what: `replay of ${formatCount(size)} frames by a starting server`,
        values: replayRates(point),
        unit: 'M frames/s',
        target: { least: REPLAY_TARGET },
        ...(size >= REPLAY_TARGET_SIZE && { row: 'replay' }),
        note: `read, checked, applied; start ${times(readySeconds, empty)} that of nothing`,
      };
    }),
    ...report.snapshots.map(({ size, seconds, bytes, writeSeconds }): Figure => ({
      what: `snapshot of ${formatCount(size)} claims and seats`,
      values: seconds,
      unit: 's',
      note: `${digits(bytes / MIB)} MiB; ${times(seconds, spread(writeSeconds).median)} writing as many bytes`,
    })),
  ];
}

/** Pure. */
function describe(report: Omit<RecoveryReport, keyof PartReport>): string[] {
  const of = (values: readonly number[]): string[] => {
    const { min, median, max } = spread(values);
    return [min, median, max].map((value) => value.toFixed(3));
  };
  const row = (what: string, { size, readySeconds, recoverySeconds }: RecoveryPoint): string[] => [
    what,
    formatCount(size),
    String(readySeconds.length),
    ...of(readySeconds),
    of(recoverySeconds)[1],
  ];
  const empty = { size: 0, readySeconds: report.emptySeconds, recoverySeconds: [0] };
  return [
    'from the start of a server process until it is ready',
    ...formatTable(
      ['from', '>size', '>runs', '>s min', '>median', '>max', '>of it recovery'],
      [
        row('nothing', empty),
        ...report.recoveries.map((point) => row('a snapshot of claims and seats', point)),
        ...report.replays.map((point) => row('segments of frames, no snapshot', point)),
      ],
    ),
  ];
}
