/** The peers' figures as people read them: durable against durable, then those who promise less. Pure. */
import { formatCount, formatFields, formatTable } from '../../src/cli/format.ts';
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { digits, spread } from '../figures.ts';
import { ACCEPTED, acceptedOf, REFUSED, refusedOf } from '../hammer.ts';
import { machineFields } from '../machine.ts';
import type { Machine } from '../machine.ts';
import { perSecond } from '../measure.ts';
import { describeChecks } from '../report.ts';
import type { PeersOptions } from './options.ts';
import type { PeerRun, Series } from './rounds.ts';
import { BASELINE, FRONTROW, FRONTROW_NONE } from './variants.ts';

export interface PeersReport {
  readonly machine: Machine;
  readonly options: PeersOptions;
  /** Of everything that is not ours. */
  readonly versions: readonly string[];
  readonly series: readonly Series[];
  /** What is not installed. */
  readonly missing: readonly string[];
  /** Connections to its store of each peer. */
  readonly pools: readonly string[];
  /** What each store says of its durability. */
  readonly settings: readonly string[];
  readonly checks: readonly AuditCheck[];
  readonly ok: boolean;
}

const QUICK = 'smallest form, cold and once: it shows that everything runs, and is nothing to quote';

export function describePeers(report: PeersReport): string[] {
  const { series, options, missing, pools, settings, checks } = report;
  return [
    ...describeHead(report),
    ...(missing.length === 0 ? [] : ['', ...missing]),
    ...(options.quick ? ['', QUICK] : []),
    '',
    'durable against durable: what was acknowledged outlives a power cut',
    ...describePart(series, FRONTROW, true),
    '',
    'not durable: a power cut may undo what was acknowledged',
    ...describePart(series, FRONTROW_NONE, false),
    '',
    ...(pools.length === 0 ? [] : ['connections to the store', ...pools.map(indent), '']),
    ...(settings.length === 0 ? [] : ['settings, as the store says them', ...settings.map(indent), '']),
    ...describeChecks(checks),
  ];
}

function describeHead({ machine, options, versions }: PeersReport): string[] {
  const { runs, seconds, warmUpSeconds, seed } = options;
  const warm = warmUpSeconds > 0 ? `, ${warmUpSeconds} s of each first to warm up` : '';
  return formatFields([
    ...machineFields(machine),
    ['versions', versions.join(', ')],
    [
      'load',
      `wrk, closed loop: holds of 2 places; ${runs} rounds of ${seconds} s each, in turn${warm}; seed ${seed}`,
    ],
    ['baseline', 'bare node:http: parses the same JSON, answers what Frontrow would, keeps nothing'],
  ]);
}

/** The baseline, the Frontrow of this part, and its peers; a line for each and each number of connections. */
function describePart(series: readonly Series[], frontrow: string, durable: boolean): string[] {
  const lines = series.filter(({ name, durable: isDurable }) => name === BASELINE || isDurable === durable);
  const titles = ['>conn', '', '>holds/s', '>of baseline', '>min', '>max', '>frontrow is', '>min', '>max'];
  const times = [
    '>p50 ms',
    '>p99',
    '>max',
    '>cpu µs server',
    '>store',
    `>${ACCEPTED}`,
    `>${REFUSED}`,
    '>broken',
  ];
  return formatTable(
    [...titles, ...times],
    lines.map((line) => cellsOf(line, series, frontrow)),
  );
}

function cellsOf(line: Series, series: readonly Series[], frontrow: string): string[] {
  const { name, connections, runs } = line;
  const beside = (other: string): Series | undefined =>
    series.find((some) => some.name === other && some.connections === connections);
  return [
    String(connections),
    name,
    formatCount(Math.round(median(runs, perSecond))),
    ...(name === BASELINE ? ['1', '', ''] : ratioCells(line, beside(BASELINE))),
    ...(name === BASELINE || name === frontrow ? ['', '', ''] : ratioCells(beside(frontrow), line)),
    digits(median(runs, (run) => run.latencyMs.p50)),
    digits(median(runs, (run) => run.latencyMs.p99)),
    digits(Math.max(...runs.map((run) => run.latencyMs.max))),
    digits(median(runs, (run) => run.cpuMicrosPerReply)),
    storeCell(runs),
    formatCount(sum(runs, acceptedOf)),
    formatCount(sum(runs, refusedOf)),
    formatCount(sum(runs, (run) => run.errors)),
  ];
}

/** Of each round, one against the other: median, min, max. */
export function ratioCells(over: Series | undefined, under: Series | undefined): string[] {
  if (over === undefined || under === undefined || over.runs.length === 0) return ['', '', ''];
  const ratios = over.runs.map((run, round) => perSecond(run) / perSecond(under.runs[round]));
  const { min, median: middle, max } = spread(ratios);
  return [`${digits(middle)}×`, digits(min), digits(max)];
}

function storeCell(runs: readonly PeerRun[]): string {
  const known = runs.flatMap((run) => (run.storeMicrosPerReply === null ? [] : [run.storeMicrosPerReply]));
  return known.length === 0 ? '' : digits(spread(known).median);
}

function median(runs: readonly PeerRun[], of: (run: PeerRun) => number): number {
  return spread(runs.map(of)).median;
}

function sum(runs: readonly PeerRun[], of: (run: PeerRun) => number): number {
  return runs.reduce((total, run) => total + of(run), 0);
}

function indent(text: string): string {
  return `  ${text}`;
}
