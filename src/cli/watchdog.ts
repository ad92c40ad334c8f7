/** Sees to it that a process that must end does end. Main thread. */
import { spawn } from 'node:child_process';

/** From the loss of the journal: the last answers have left by then, and what is left was told to end. */
export const EXIT_HANGS_MS = 2000;
/** From the second signal. */
export const EXIT_NOW_HANGS_MS = 1000;

/**
 * A thread stuck in the kernel (a dead disk) keeps the process from exiting, and then only SIGKILL ends it. A child of our
 * own sends it, and only while it still is our child: so never to a stranger with our number.
 */
export function killIfExitHangs(afterMs: number): void {
  const parent = process.pid;
  const script = `setTimeout(() => { if (process.ppid === ${parent}) process.kill(${parent}, 'SIGKILL'); }, ${afterMs})`;
  const watchdog = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' });
  // Without a watchdog the exit is as it would be: nothing more can be done here.
  watchdog.on('error', () => {});
  watchdog.unref();
}
