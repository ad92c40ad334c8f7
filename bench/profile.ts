/**
 * Where the time goes: orders under wrk on a server that profiles itself, summed by function and thread.
 * `node dist/bench/profile.js [SECONDS] [CONNECTIONS] [DIRECTORY to keep the .cpuprofile files in]`
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { formatTable } from '../src/cli/format.ts';
import { digits } from './figures.ts';
import { measure, perSecond } from './measure.ts';
import { FLOOR, placesFor, QUANTITY } from './requests.ts';
import { Stage } from './stage.ts';
import { findWrk, runWrk } from './wrk.ts';

/** What V8 writes; times in µs. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const ROWS_MAX = 30;
/** Time in which the thread had nothing to do, or slept. */
const IDLE = /^(?:\(idle\)|\(program\)|run \(journal\.js|atomicsWaitLoop )/;

const seconds = Number(process.argv[2] ?? 5);
const connections = Number(process.argv[3] ?? 256);
const kept = process.argv[4];
if (findWrk() === null) throw new Error('wrk is not installed; it is what this profile is made under');
const profiles = kept ?? mkdtempSync(join(tmpdir(), 'frontrow-profile-'));
const capacity = placesFor(seconds);
const stage = await Stage.start({
  kind: 'orders',
  places: capacity * 2,
  limits: {},
  replies: 'accepted',
  execArgv: ['--cpu-prof', '--cpu-prof-interval', '500', `--cpu-prof-dir=${profiles}`],
});
try {
  for (const [event, duration] of [
    ['warm', 2],
    ['hot', seconds],
  ] as const) {
    await stage.createEvent(event, capacity, 0);
    const before = threadTimes(stage.server.pid);
    const run = await measure(stage.server, () =>
      runWrk({
        url: `${stage.server.url}/v1/events/${event}/orders`,
        connections,
        seconds: duration,
        directory: stage.directory,
        post: { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: event },
      }),
    );
    process.stdout.write(
      `${event}: ${Math.round(perSecond(run))} orders/s, ${digits(run.cpuMicrosPerReply)} µs CPU each\n`,
    );
    const threads = describeThreads(before, threadTimes(stage.server.pid), run.replies);
    process.stdout.write(`${threads.join('\n')}\n`);
  }
  await stage.server.stop();
  for (const name of readdirSync(profiles)) {
    const profile = JSON.parse(readFileSync(join(profiles, name), 'utf8')) as CpuProfile;
    process.stdout.write(`\n${name}\n${describeProfile(profile).join('\n')}\n`);
  }
} finally {
  await stage.end();
  if (kept === undefined) rmSync(profiles, { recursive: true, force: true });
}

/** Functions by their own time and with what they call, as shares of the time in which the thread worked. */
function describeProfile(profile: CpuProfile): string[] {
  const names = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const place = url === '' ? '' : ` (${basename(url)}:${lineNumber + 1})`;
    names.set(id, `${functionName === '' ? '<anonymous>' : functionName}${place}`);
  }
  const own = new Map<number, number>();
  profile.samples.forEach((id, index) => own.set(id, (own.get(id) ?? 0) + profile.timeDeltas[index]));
  const ownByName = new Map<string, number>();
  let all = 0;
  let busy = 0;
  for (const [id, micros] of own) {
    const name = names.get(id)!;
    ownByName.set(name, (ownByName.get(name) ?? 0) + micros);
    all += micros;
    if (!IDLE.test(name)) busy += micros;
  }
  const withCallees = sumWithCallees(profile, names, own);
  const share = (micros: number): string => ((micros / busy) * 100).toFixed(1);
  const rows = [...withCallees]
    .filter(([name]) => !IDLE.test(name) && name !== '(root)')
    .sort((a, b) => (ownByName.get(b[0]) ?? 0) - (ownByName.get(a[0]) ?? 0))
    .slice(0, ROWS_MAX)
    .map(([name, micros]) => [share(ownByName.get(name) ?? 0), share(micros), name]);
  return [
    `${digits(busy / 1e6)} s of ${digits(all / 1e6)} s not asleep`,
    ...formatTable(['>% own', '>% with callees', 'function'], rows),
  ];
}

/** µs by function of all samples below it; one that calls itself counts once. Sleep is left out. */
function sumWithCallees(
  profile: CpuProfile,
  names: ReadonlyMap<number, string>,
  own: ReadonlyMap<number, number>,
): Map<string, number> {
  const sums = new Map<string, number>();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const visit = (id: number, above: ReadonlySet<string>): number => {
    const name = names.get(id)!;
    const below = above.has(name) ? above : new Set([...above, name]);
    let micros = IDLE.test(name) ? 0 : (own.get(id) ?? 0);
    for (const child of nodes.get(id)!.children ?? []) micros += visit(child, below);
    if (below !== above) sums.set(name, (sums.get(name) ?? 0) + micros);
    return micros;
  };
  visit(profile.nodes[0].id, new Set());
  return sums;
}

/** CPU time of each thread of a process in ms, the oldest thread first; Linux only. */
function threadTimes(pid: number): Map<string, { user: number; system: number }> {
  const times = new Map<string, { user: number; system: number }>();
  const directory = `/proc/${pid}/task`;
  if (!existsSync(directory)) return times;
  for (const thread of readdirSync(directory)) {
    // The name may hold spaces; what follows its closing parenthesis does not. Ticks are 10 ms. Source: proc(5).
    const fields = readFileSync(join(directory, thread, 'stat'), 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    times.set(thread, { user: Number(fields[11]) * 10, system: Number(fields[12]) * 10 });
  }
  return times;
}

function describeThreads(
  before: ReturnType<typeof threadTimes>,
  after: typeof before,
  replies: number,
): string[] {
  const rows = [...after].flatMap(([thread, { user, system }], index) => {
    const was = before.get(thread) ?? { user: 0, system: 0 };
    const micros = (user + system - was.user - was.system) * 1000;
    if (micros === 0) return [];
    const name = index === 0 ? 'main' : `thread ${index}`;
    return [[name, String(user - was.user), String(system - was.system), digits(micros / replies)]];
  });
  return formatTable(['thread', '>user ms', '>system ms', '>µs a reply'], rows);
}
