/**
 * Read-only uses of a journal directory, for the snapshot builder beside the writer and for `frontrow
 * inspect` and `verify` with nobody there. Nothing here changes a file; problems are values.
 */
import type { Disk } from './disk.ts';
import { FileDisk } from './file-disk.ts';
import { readJournal } from './journal-reader.ts';
import { segmentNumbers, snapshotName, snapshotPositions } from './layout.ts';
import type { FramesSink } from './port.ts';
import type { Problem, ReadReport } from './read-report.ts';
import { checkSnapshot } from './snapshot.ts';

/**
 * What the snapshot builder replays: with `fromSnapshot` the newest valid snapshot, then the groups of sealed
 * segments after it. May run while the journal thread appends. `position` of the report is where the next
 * snapshot stands, provided that no problem is fatal.
 */
export function readSealed(directory: string, fromSnapshot: boolean, sink: FramesSink): ReadReport {
  return readJournal(new FileDisk(directory), { fromSnapshot, through: 'sealed' }, sink);
}

/** Everything that a directory at rest holds, as recovery would read it. */
export function readAll(directory: string, fromSnapshot: boolean, sink: FramesSink): ReadReport {
  return readJournal(new FileDisk(directory), { fromSnapshot, through: 'all' }, sink);
}

export interface VerifyReport {
  /** As recovery reads it: from the newest snapshot. */
  readonly recovery: ReadReport;
  /** Every segment kept, history included. */
  readonly history: ReadReport;
  readonly segments: number;
  readonly snapshots: number;
  /** All problems of both readings and of every snapshot, each once. */
  readonly problems: readonly Problem[];
}

const NOTHING: FramesSink = {
  snapshot(): void {},
  frames(): void {},
};

/** Reads every byte that counts, of a directory at rest. `sink` sees what recovery would see. */
export function verifyDirectory(directory: string, sink: FramesSink = NOTHING): VerifyReport {
  return verifyDisk(new FileDisk(directory), sink);
}

export function verifyDisk(disk: Disk, sink: FramesSink = NOTHING): VerifyReport {
  const recovery = readJournal(disk, { fromSnapshot: true, through: 'all' }, sink);
  const history = readJournal(disk, { fromSnapshot: false, through: 'all' }, NOTHING);
  const names = disk.list();
  const snapshots = snapshotPositions(names);
  const problems = new Map<string, Problem>();
  for (const problem of [...recovery.problems, ...history.problems]) {
    problems.set(`${problem.file}:${problem.offset}:${problem.code}`, problem);
  }
  for (const position of snapshots) {
    const name = snapshotName(position);
    const file = disk.open(name, 'read');
    try {
      const outcome = checkSnapshot(file);
      if (outcome.ok) continue;
      const problem: Problem = {
        code: outcome.code,
        file: name,
        offset: outcome.offset,
        message: outcome.message,
        fatal: outcome.code === 'newer-format',
      };
      problems.set(`${name}:${outcome.offset}:${problem.code}`, problem);
    } finally {
      file.close();
    }
  }
  return {
    recovery,
    history,
    segments: segmentNumbers(names).length,
    snapshots: snapshots.length,
    problems: [...problems.values()],
  };
}
