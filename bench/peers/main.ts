/**
 * `npm run bench:peers`: Frontrow beside what one would write otherwise, on the same machine, under the same load, with
 * the same audit. Exits 1 when the audit fails, whatever the figures are, 2 when the arguments are wrong, and 69 without
 * wrk. docs/peers.md says who the peers are.
 */
import { findWrk } from '../wrk.ts';
import { parsePeersOptions, USAGE } from './options.ts';
import type { PeersOptions } from './options.ts';
import { describePeers } from './peer-report.ts';
import { runPeers } from './run-peers.ts';

function readOptions(): PeersOptions | null {
  try {
    return parsePeersOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return null;
  }
}

// An exit of our own: it ends servers and stores, and removes their directories.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const options = readOptions();
const wrk = findWrk();
if (options === null) {
  process.exitCode = 2;
} else if (wrk === null) {
  process.stderr.write(
    'wrk is not installed (on Debian: apt-get install wrk); it is what all are loaded with\n',
  );
  process.exitCode = 69;
} else {
  const report = await runPeers(options, wrk, (text) => process.stderr.write(`${text}\n`));
  process.stdout.write(
    options.json ? `${JSON.stringify(report)}\n` : `${describePeers(report).join('\n')}\n`,
  );
  process.exitCode = report.ok ? 0 : 1;
}
