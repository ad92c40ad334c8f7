/**
 * The metronome's thread: wakes the pacer's event loop when a request is due. The loop's own timers know
 * whole ms, which is as long as an order takes; a loop that turns without sleeping would take one of the two
 * cores that the server has. It follows the same seeded schedule as the pacer, and tells it nothing but "look
 * now".
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../src/core/assert.ts';
import { Arrivals } from './arrivals.ts';
import { MetronomeLink, monotonicMs } from './metronome-link.ts';
import type { MetronomeData } from './metronome-link.ts';

/**
 * From one ring to the next at least, since each wakes two threads. What is due in between is late by so much
 * at most.
 */
const RING_MS = 0.2;

assert(parentPort !== null, 'a metronome has a thread of its own');
const { perSecond, seed, count, shared } = workerData as MetronomeData;
const link = new MetronomeLink(shared);
const arrivals = new Arrivals(perSecond, seed);
// Ready: whoever is told may start.
parentPort.postMessage(null);
const startMs = link.waitForStart();
let dueMs = startMs + arrivals.next();
let rungMs = startMs - RING_MS;
for (let left = count; left > 0;) {
  link.sleepUntil(Math.max(dueMs, rungMs + RING_MS));
  rungMs = monotonicMs();
  if (link.takeRing()) parentPort.postMessage(null);
  for (; left > 0 && dueMs <= rungMs; left--) dueMs = startMs + arrivals.next();
}
