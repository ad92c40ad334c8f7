#!/usr/bin/env node
/**
 * The `frontrow` command: streams, signals and the exit code. Everything else is in `program.ts` and the commands.
 */
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import type { createServer } from '../server.ts';
import { backupCommand } from './backup.ts';
import { CLIENT_COMMANDS } from './commands.ts';
import { config } from './config.ts';
import { EXIT } from './exits.ts';
import { inspectCommand } from './inspect.ts';
import { keyCreate } from './key-create.ts';
import { keyList } from './key-list.ts';
import { runProgram } from './program.ts';
import { restoreCommand } from './restore.ts';
import { serveCommand } from './serve.ts';
import { verifyCommand } from './verify.ts';
import { EXIT_HANGS_MS, EXIT_NOW_HANGS_MS, killIfExitHangs } from './watchdog.ts';

/** Its threads may hang on a dead disk, and this process with them. */
let hasServer = false;

const startServer = async (): Promise<typeof createServer> => {
  hasServer = true;
  return (await import('../server.ts')).createServer;
};

const COMMANDS = [
  ...CLIENT_COMMANDS,
  // Loaded only when asked for: looking at a seat map needs no server, and no journal.
  inspectCommand(async (directory) => (await import('./offline.ts')).inspectDirectory(directory)),
  verifyCommand(async (directory) => (await import('./offline.ts')).verifyDirectory(directory)),
  backupCommand(async (data, to, control) =>
    (await import('./offline-backup.ts')).backupDirectory(data, to, control),
  ),
  restoreCommand(async (from, data, control) =>
    (await import('./offline-backup.ts')).restoreDirectory(from, data, control),
  ),
  serveCommand(startServer, {
    onLost: () => killIfExitHangs(EXIT_HANGS_MS),
    onHangup(listener) {
      process.on('SIGHUP', listener);
      return () => process.off('SIGHUP', listener);
    },
  }),
  config,
  keyCreate,
  keyList,
];

/** A reader that has seen enough, such as `head`, is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.fault);
});
// Nobody can be told that nobody can be told; a server must not end because its log went away.
process.stderr.on('error', () => {});

const interrupted = new AbortController();
// Every call under way listens to it, and a bench has many.
setMaxListeners(0, interrupted.signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first one asks for an orderly end, the second one gets any.
    if (!interrupted.signal.aborted) return interrupted.abort();
    if (hasServer) killIfExitHangs(EXIT_NOW_HANGS_MS);
    process.exit(EXIT.interrupted);
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
