/** wrk with a GET that has headers of its own: closed loop, one thread, as bench/wrk.ts has it for orders. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HammerResult } from '../hammer.ts';
import { FLOOR, QUANTITY } from '../requests.ts';
import { parseWrk, wrkScript } from '../wrk.ts';

export interface WrkGetOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  /** Where the script may be written. */
  readonly directory: string;
}

/** Rejects when wrk fails or says nothing that can be read. */
export async function runWrkGet(options: WrkGetOptions): Promise<HammerResult> {
  const { headers, connections, seconds, directory } = options;
  const url = new URL(options.url);
  // The report of the script for orders, without its request: wrk then makes one, and sends it again and again.
  const report = wrkScript(url, { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: '' });
  const set = ([name, value]: [string, string]): string =>
    `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`;
  const script = join(directory, 'wrk-get.lua');
  writeFileSync(script, [report, 'request = nil', ...Object.entries(headers).map(set), ''].join('\n'));
  const argv = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s', '-s', script];
  const child = spawn('wrk', [...argv, url.href], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const result = parseWrk(output);
  if (code !== 0 || result === null) throw new Error(`wrk ended with code ${code}: ${output}`);
  return result;
}
