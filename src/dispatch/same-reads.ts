/**
 * Reads that are the same: who asks at the same time gets the same answer, which is made and carried once. Main thread.
 *
 * All of a batch's requests were there before a worker looks at anything, so what it sees is an answer to each of those
 * that ask for the same. Whoever comes when the batch has left waits for the next: he may know of a change already that
 * the worker did not see.
 */
import type { BatchRequest } from '../core/batch.ts';
import { AVAILABILITY, GET_EVENT, SEAT, SEATS, type Operation } from '../core/operations.ts';
import type { Pending, SharedRead } from './flight.ts';
import { batchMax } from './plan.ts';
import type { LaneQueue } from './rotation.ts';

const SHARED: ReadonlySet<Operation> = new Set([GET_EVENT, AVAILABILITY, SEATS, SEAT]);
/** Requests that are answered with a batch beside those in it: the replies of a batch leave in one turn. */
const ALONG_MAX = 512;

/** All that the answer to a read depends on, but for the state of its event; empty where it is not shared. */
export function readName(operation: Operation, request: BatchRequest): string {
  if (!SHARED.has(operation)) return '';
  const { subject, seat, query, octets, role, keyId, variesByKey, ifNoneMatch } = request;
  const flags = (octets ? 1 : 0) + (keyId === '' ? 2 : 0) + (variesByKey ? 4 : 0);
  // A target has no spaces; what comes last may have any.
  return `${operation.code} ${flags} ${role} ${subject} ${seat} ${query} ${ifNoneMatch}`;
}

/** The next batch of reads: a batch full of different ones, each with those that are the same. */
export function takeReads(queue: LaneQueue): Pending[] {
  const countMax = batchMax(queue);
  const firsts = new Map<string, SharedRead>();
  const taken: Pending[] = [];
  for (let along = 0; taken.length < countMax && along < ALONG_MAX;) {
    const next = queue.shift();
    if (next === undefined) break;
    const { read } = next;
    const first = read === null ? undefined : firsts.get(read.name);
    if (first === undefined) {
      taken.push(next);
      if (read !== null) firsts.set(read.name, read);
    } else {
      along++;
      (first.same ??= []).push(next);
    }
  }
  return taken;
}
