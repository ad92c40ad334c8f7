/** `frontrow backup`: a copy of a data directory, taken while its server goes on. */
import { checkRange, defineCommand } from './command.ts';
import type { Command } from './command.ts';
import { formatCount } from './format.ts';
import type { Backup, BackupReport, CopyControl } from './offline-types.ts';
import { Progress } from './progress.ts';
import type { Session } from './session.ts';

const RATE_MIB_MAX = 1 << 20;
const RATE = {
  type: 'number',
  default: 0,
  requiresArg: true,
  describe: 'Read no faster; 0 is as fast as it goes',
} as const;

export function backupCommand(backupDirectory: Backup): Command {
  return defineCommand({
    usage: 'backup',
    describe: 'Copy a data directory, with its server running or not',
    positionals: {},
    options: {
      data: { type: 'string', default: './frontrow-data', requiresArg: true, describe: 'The directory' },
      to: { type: 'string', demandOption: true, requiresArg: true, describe: 'A directory to make' },
      'mib-per-second': RATE,
    },
    examples: [['frontrow backup --data DIR --to backups/monday', 'back with: frontrow restore']],
    notes: 'It holds every change that was acknowledged before it began, and each event at one sequence.',
    async run(args, session) {
      checkRange('mib-per-second', args['mib-per-second'], 0, RATE_MIB_MAX);
      const report = await copy(session, 'backup', args['mib-per-second'], (control) =>
        backupDirectory(args.data, args.to, control),
      );
      await showCopy(session, report);
    },
  });
}

/** Runs it with a line of progress. */
export async function copy(
  session: Session,
  verb: string,
  mibPerSecond: number,
  act: (control: CopyControl) => Promise<BackupReport>,
): Promise<BackupReport> {
  const progress = new Progress(session);
  const onProgress = (copied: number, total: number): void => {
    const percent = total === 0 ? 100 : Math.floor((copied / total) * 100);
    // The rest of the time goes into reading the copy back.
    progress.show(
      percent < 100 ? `${verb}: ${percent} % of ${formatCount(total)} bytes …` : `${verb}: checking …`,
    );
  };
  try {
    return await act({ onProgress, signal: session.terminal.signal, mibPerSecond });
  } finally {
    progress.clear();
  }
}

/** Where it stands. With `--quiet` the directory alone. */
export async function showCopy(session: Session, report: BackupReport): Promise<void> {
  await session.show(report, report.directory, () => [
    ...session.fields([
      ['directory', report.directory],
      ['taken', report.takenAt],
      ['incarnation', report.incarnation],
      ['position', String(report.position)],
      ['files', `${report.files}, ${formatCount(report.bytes)} bytes`],
      ['claims', formatCount(report.claims)],
    ]),
    '',
    ...session.table(
      ['event', 'state', '>sequence', 'changed'],
      report.events.map((event) => [event.id, event.state, String(event.sequence), event.changedAt]),
    ),
  ]);
}
