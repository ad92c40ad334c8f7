/** `frontrow verify`: reads every frame of a data directory and checks what must hold. Changes nothing. */
import { defineCommand } from './command.ts';
import type { Command } from './command.ts';
import { EXIT } from './exits.ts';
import { formatCount } from './format.ts';
import { tailSentence } from '../journal/read-report.ts';
import type { VerifyDirectory, VerifyFinding } from './offline-types.ts';
import { cleanText } from './text-width.ts';

export function verifyCommand(verifyDirectory: VerifyDirectory): Command {
  return defineCommand({
    usage: 'verify',
    describe: 'Check a data directory (offline, read-only)',
    positionals: {},
    options: {
      data: { type: 'string', default: './frontrow-data', requiresArg: true, describe: 'The directory' },
    },
    async run(args, session) {
      const report = await verifyDirectory(args.data);
      if (session.json) await session.printJson(report);
      else if (!session.quiet) {
        const { events, claims, frames } = report;
        const read = `${formatCount(frames)} frames, ${formatCount(events)} events, ${formatCount(claims)} claims`;
        await session.print(`${report.ok ? 'ok' : 'CORRUPT'}  ${report.directory}: ${read}`);
        await session.print(...report.findings.map(findingLine));
        if (report.tornTail !== null) session.note(tailSentence(report.tornTail, 'is to be cut'));
      }
      return report.ok ? EXIT.ok : EXIT.dataCorrupt;
    },
  });
}

function findingLine(finding: VerifyFinding): string {
  const place =
    finding.file === null ? '' : `  ${finding.file}${finding.offset === null ? '' : ` at ${finding.offset}`}`;
  return `${finding.fatal ? 'FATAL' : 'note'}  ${finding.code}${place}  ${cleanText(finding.message)}`;
}
