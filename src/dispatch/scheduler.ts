/** Timers as the dispatcher sees them, so that a test can turn them by hand. Main thread. */

export interface Scheduler {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
  /** After what has arrived in this turn of the event loop was taken in. */
  setImmediate(callback: () => void): void;
}

/** Longest delay that setTimeout takes; a longer one would fire at once. Source: Node's timers documentation. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/** Node's own. Its timers keep no process alive: what they wait for matters only while something else does. */
export const SYSTEM_SCHEDULER: Scheduler = {
  setTimeout(callback, delayMs) {
    return setTimeout(callback, delayMs).unref();
  },
  clearTimeout(timer) {
    clearTimeout(timer as NodeJS.Timeout);
  },
  setImmediate(callback) {
    setImmediate(callback);
  },
};
