/** `frontrow restore`: a data directory from a backup, as a new incarnation. */
import { copy, showCopy } from './backup.ts';
import { defineCommand } from './command.ts';
import type { Command } from './command.ts';
import type { Restore } from './offline-types.ts';

export function restoreCommand(restoreDirectory: Restore): Command {
  return defineCommand({
    usage: 'restore',
    describe: 'Make a data directory from a backup',
    positionals: {},
    options: {
      from: { type: 'string', demandOption: true, requiresArg: true, describe: 'A backup' },
      data: {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'An empty directory, or none',
      },
    },
    examples: [['frontrow restore --from backups/monday --data DIR', 'then: frontrow serve --data DIR']],
    notes:
      'Every checksum is checked before anything is written. What was acknowledged after the backup is not in it.',
    async run(args, session) {
      const report = await copy(session, 'restore', 0, (control) =>
        restoreDirectory(args.from, args.data, control),
      );
      await showCopy(session, report);
    },
  });
}
