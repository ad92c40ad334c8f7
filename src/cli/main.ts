#!/usr/bin/env node
/**
 * The `frontrow` command: streams, signals and the exit code. Everything else is in `program.ts` and the commands.
 */
import { readFileSync } from 'node:fs';
import { bench } from './bench.ts';
import { confirm } from './confirm.ts';
import { eventCreate } from './event-create.ts';
import { eventList } from './event-list.ts';
import { eventShow } from './event-show.ts';
import { EXIT } from './exits.ts';
import { history } from './history.ts';
import { hold } from './hold.ts';
import { inspectCommand } from './inspect.ts';
import { orderCancel } from './order-cancel.ts';
import { orderShow } from './order-show.ts';
import { runProgram } from './program.ts';
import { release } from './release.ts';
import { seat } from './seat.ts';
import { seats } from './seats.ts';
import { serveCommand } from './serve.ts';
import { verifyCommand } from './verify.ts';
import { killIfExitHangs } from './watchdog.ts';

const COMMANDS = [
  eventCreate,
  eventList,
  eventShow,
  seats,
  seat,
  hold,
  confirm,
  release,
  orderShow,
  orderCancel,
  history,
  bench,
  // Loaded only when asked for: looking at a seat map needs no server, and no journal.
  inspectCommand(async (directory) => (await import('./offline.ts')).inspectDirectory(directory)),
  verifyCommand(async (directory) => (await import('./offline.ts')).verifyDirectory(directory)),
  serveCommand(async () => (await import('../server.ts')).createServer, killIfExitHangs),
];

/** A reader that has seen enough, such as `head`, is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.fault);
});

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first one asks for an orderly end, the second one gets any.
    if (interrupted.signal.aborted) process.exit(EXIT.interrupted);
    interrupted.abort();
  });
}

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};
const { stdin, stdout, stderr, env } = process;
const terminal = { stdin, stdout, stderr, env, signal: interrupted.signal };
const code = await runProgram(process.argv.slice(2), COMMANDS, manifest.version, terminal);
process.exitCode = code;
// Nothing should be left running; what is gets a second, and does not keep a script waiting for ever.
setTimeout(() => process.exit(code), 1000).unref();
