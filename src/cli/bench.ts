/** `frontrow bench`: load on a running server, then an audit of what it sold. */
import type { Availability, EventDefinition, FrontrowClient } from '../client/index.ts';
import { checkRange, defineCommand } from './command.ts';
import { liveEvent } from './event-show.ts';
import { EXIT } from './exits.ts';
import { formatCount } from './format.ts';
import { auditLoad } from './load-audit.ts';
import type { Audit } from './load-audit.ts';
import { loadEvent, runLoad } from './load.ts';
import type { LoadResult } from './load.ts';
import type { Session } from './session.ts';

export const bench = defineCommand({
  usage: 'bench',
  describe: 'Hammer a running server, then audit what it sold',
  positionals: {},
  options: {
    connections: { type: 'number', default: 64, requiresArg: true, describe: 'Open at once' },
    duration: { type: 'number', default: 10, requiresArg: true, describe: 'Seconds' },
    kind: { choices: ['orders', 'holds'], default: 'orders', requiresArg: true, describe: 'What to send' },
    event: { type: 'string', requiresArg: true, describe: 'An event of yours; else one is made' },
    capacity: { type: 'number', default: 100_000, requiresArg: true, describe: "The made event's floor" },
    sample: { type: 'number', default: 500, requiresArg: true, describe: 'Claims to read back at most' },
  },
  examples: [['frontrow bench --connections 64 --duration 5', '']],
  async run(args, session) {
    checkRange('connections', args.connections, 1, 10_000);
    checkRange('duration', args.duration, 1, 3600);
    checkRange('capacity', args.capacity, 1, 10_000_000);
    checkRange('sample', args.sample, 1, 1_000_000);
    const client = session.client();
    const { event, before } = await chooseEvent(client, args.event, args.capacity);
    if (args.event === undefined) session.note(`made event ${event.id}`);
    session.note(`${args.kind} on ${event.id}, ${args.connections} connections, ${args.duration} s …`);
    const load = await runLoad({
      url: session.url,
      key: session.key(),
      event,
      kind: args.kind === 'holds' ? 'holds' : 'orders',
      connections: args.connections,
      durationSeconds: args.duration,
      signal: session.terminal.signal,
    });
    session.note('auditing …');
    const audit = await auditLoad(client, before, load, args.sample);
    await report(load, audit, session);
    return audit.ok && load.replies > 0 ? EXIT.ok : EXIT.fault;
  },
});

async function chooseEvent(
  client: FrontrowClient,
  name: string | undefined,
  capacity: number,
): Promise<{ event: EventDefinition; before: Availability }> {
  const event =
    name === undefined
      ? await client.events.create(
          loadEvent(`bench-${crypto.randomUUID().slice(0, 8)}`, capacity, new Date()),
        )
      : liveEvent(await client.events.get(name));
  return { event, before: await client.events.availability(event.id) };
}

async function report(load: LoadResult, audit: Audit, session: Session): Promise<void> {
  const { grants, ...figures } = load;
  if (session.json) return session.printJson({ ...figures, granted: grants.length, audit });
  if (session.quiet) return session.print(load.event);
  const { p50, p99, max } = load.latencyMs;
  const statuses = Object.entries(load.statuses).map(
    ([status, count]) => `${status} × ${formatCount(count)}`,
  );
  await session.print(
    ...session.fields([
      ['load', `${load.kind} on ${load.event}, ${load.connections} connections, closed loop, client-bound`],
      ['replies', `${formatCount(load.replies)} in ${load.seconds.toFixed(1)} s`],
      ['replies/s', formatCount(Math.round(load.repliesPerSecond))],
      ['latency', `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`],
      ['statuses', statuses.join(', ')],
      ['errors', `${load.errors}; cut off and sent again: ${load.resent}`],
    ]),
    '',
    ...session.table(
      ['audit', '', ''],
      audit.checks.map((check) => [check.ok ? 'ok' : 'FAILED', check.name, check.detail]),
    ),
  );
}
