/** Priorities of threads: who goes first where there are fewer cores than threads that want one. */
import { constants, setPriority } from 'node:os';

/**
 * Lets all others go before the thread that calls this: of a core that somebody else wants it gets about a tenth. Only
 * on Linux, where a priority is a single thread's (setpriority(2), "C library/kernel differences"); elsewhere it is the
 * process's, and nothing happens.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may forbid it. Then the work is done at the usual priority, which is no reason not to do it.
  }
}
