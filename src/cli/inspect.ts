/** `frontrow inspect`: what a data directory holds, read offline and changed in nothing. */
import { defineCommand } from './command.ts';
import type { Command } from './command.ts';
import { formatCount } from './format.ts';
import { tailSentence } from '../journal/read-report.ts';
import type { DirectorySummary, InspectDirectory } from './offline-types.ts';
import type { Session } from './session.ts';
import { cleanText } from './text-width.ts';

export function inspectCommand(inspectDirectory: InspectDirectory): Command {
  return defineCommand({
    usage: 'inspect',
    describe: 'Show what a data directory holds (offline, read-only)',
    positionals: {},
    options: {
      data: { type: 'string', default: './frontrow-data', requiresArg: true, describe: 'The directory' },
    },
    async run(args, session) {
      const summary = await inspectDirectory(args.data);
      if (session.json) await session.printJson(summary);
      else if (session.quiet) for (const event of summary.events) await session.print(event.id);
      else await session.print(...describeDirectory(summary, session));
    },
  });
}

function describeDirectory(summary: DirectorySummary, session: Session): string[] {
  const ending = [summary.cleanStop ? 'clean stop' : 'no end mark'];
  if (summary.tornTail !== null) ending.push(tailSentence(summary.tornTail, 'is to be cut'));
  const files = [
    ...summary.snapshots.map((snapshot) => [
      snapshot.file,
      'snapshot',
      formatCount(snapshot.bytes),
      String(snapshot.position),
      '',
    ]),
    ...summary.segments.map((segment) => [
      segment.file,
      'segment',
      formatCount(segment.bytes),
      `${segment.firstPosition}–${segment.endPosition}`,
      formatCount(segment.frames),
    ]),
  ];
  const events = summary.events.map((event) => [
    event.id,
    event.state,
    String(event.sequence),
    formatCount(event.capacity),
    formatCount(event.available),
    formatCount(event.held),
    formatCount(event.sold),
    formatCount(event.blocked),
    cleanText(event.name),
  ]);
  const counts = ['>places', '>available', '>held', '>sold', '>blocked'];
  return [
    ...session.fields([
      ['directory', summary.directory],
      ['incarnation', summary.incarnation],
      ['format', String(summary.formatVersion)],
      ['ending', ending.join('; ')],
    ]),
    '',
    ...session.table(['file', 'kind', '>bytes', '>positions', '>frames'], files),
    '',
    ...session.table(['event', 'state', '>sequence', ...counts, 'name'], events),
  ];
}
