/**
 * An arena that counts what is written into it, word by word, and stops before any write that a test names: as a
 * worker that dies there. Plain stores, Atomics calls and copies alike; it is the same memory as the arena's own.
 */
import type { Arena } from '../../src/memory/arena.ts';

class Crash extends Error {}

type AtomicsCall = (array: Int32Array, ...values: number[]) => unknown;
const WRITES = ['store', 'compareExchange', 'add', 'and', 'or', 'notify'] as const;
const READS = ['load', 'wait'] as const;
const COPIES: readonly PropertyKey[] = ['set', 'fill', 'copyWithin'];

/** Runs `work` on the watched arena; the write number `at` throws instead of happening. Counts the writes before it. */
export function withCrash(
  arena: Arena,
  at: number,
  work: (watched: Arena) => void,
): { writes: number; crashed: boolean } {
  let writes = 0;
  const step = (): void => {
    if (writes === at) throw new Crash();
    writes++;
  };
  const words = watch(arena.words, step);
  const watched: Arena = { ...arena, words, bytes: watch(arena.bytes, step) };
  const table = Atomics as unknown as Record<string, AtomicsCall>;
  const names = [...WRITES, ...READS];
  const originals = names.map((name) => table[name]);
  names.forEach((name, i) => {
    const original = originals[i];
    const isWrite = i < WRITES.length;
    table[name] = (array, ...values) => {
      if (isWrite) step();
      return original.call(Atomics, array === words ? arena.words : array, ...values);
    };
  });
  try {
    work(watched);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return { writes, crashed: true };
  } finally {
    names.forEach((name, i) => (table[name] = originals[i]));
  }
  return { writes, crashed: false };
}

function watch<T extends Int32Array | Uint8Array>(target: T, step: () => void): T {
  return new Proxy(target, {
    get: (_, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]): unknown => {
        if (COPIES.includes(property)) step();
        return Reflect.apply(value, target, values);
      };
    },
    set: (_, property, value) => {
      step();
      return Reflect.set(target, property, value, target);
    },
  });
}
