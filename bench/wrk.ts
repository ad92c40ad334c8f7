/**
 * wrk as a hammer (https://github.com/wg/wrk): the one whose ratios count, since it leaves the CPU to the server.
 * Closed loop: a connection waits for its reply. wrk stops in the middle of requests and counts only those answered.
 *
 * A script that looks at every reply would slow it down, so it tells statuses below 400 from those above, no more.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadKind } from '../src/cli/load.ts';
import { ACCEPTED, REFUSED } from './hammer.ts';
import type { HammerResult } from './hammer.ts';
import { requestBody } from './requests.ts';

/** `wrk 4.1.0`, or null where it is not installed. */
export function findWrk(): string | null {
  const { stdout, error } = spawnSync('wrk', ['--version'], { encoding: 'utf8' });
  if (error !== undefined) return null;
  return /^wrk \S+/m.exec(stdout)?.[0].replace('debian/', '') ?? null;
}

export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** Where the script may be written. */
  readonly directory: string;
  /** None: GET of the URL. */
  readonly post?: WrkPost;
}

export interface WrkPost {
  readonly kind: LoadKind;
  readonly section: string;
  readonly quantity: number;
  /** Makes this run's idempotency keys and customers its own. */
  readonly tag: string;
  /** Of every request, besides those it needs. */
  readonly headers?: Readonly<Record<string, string>>;
}

const MARK = 'FIGURES';

const REPORT = `
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "${MARK} %d %d %f %f %f %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), latency.max, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
`;

const CUSTOMER_MARK = '@@';

/** A script whose requests differ in key and customer, and in nothing that would change their length. */
export function wrkScript(url: URL, post: WrkPost): string {
  const body = requestBody(post.kind, post.section, post.quantity, CUSTOMER_MARK);
  const [before, after] = body.split(CUSTOMER_MARK);
  const customerLength = post.tag.length + '-00-00000000'.length;
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `Host: ${url.host}`,
    'Content-Type: application/json',
    'Accept: application/json',
    ...Object.entries(post.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${before.length + customerLength + after.length}`,
    'Idempotency-Key: ',
  ].join('\\r\\n');
  return `${REPORT}
local threads = 0
setup = function(thread)
  thread:set("index", threads)
  threads = threads + 1
end
local count = 0
request = function()
  count = count + 1
  local name = string.format("${post.tag}-%02d-%08d", index, count)
  return '${head}' .. name .. '\\r\\n\\r\\n${before}' .. name .. '${after}'
end
`;
}

/** Runs wrk once. Rejects when it fails or says nothing that can be read. */
export async function runWrk(options: WrkOptions): Promise<HammerResult> {
  const { connections, seconds, directory, post } = options;
  const url = new URL(options.url);
  const script = join(directory, 'wrk.lua');
  writeFileSync(script, post === undefined ? REPORT : wrkScript(url, post));
  const argv = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s', '-s', script];
  const child = spawn('wrk', [...argv, url.href], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const result = parseWrk(output);
  if (code !== 0 || result === null) throw new Error(`wrk ended with code ${code}: ${output}`);
  return result;
}

/** Reads what REPORT wrote; null when it is not there. */
export function parseWrk(output: string): HammerResult | null {
  const line = new RegExp(`^${MARK} (.*)$`, 'm').exec(output);
  if (line === null) return null;
  const [replies, micros, p50, p99, max, refused, errors] = line[1].split(' ').map(Number);
  return {
    replies,
    seconds: micros / 1e6,
    latencyMs: { p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 },
    statuses: { [ACCEPTED]: replies - refused, [REFUSED]: refused },
    errors,
  };
}
