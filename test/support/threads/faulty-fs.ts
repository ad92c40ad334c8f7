/**
 * A disk that fails, on command: this module changes node:fs in the thread that imports it, before the thread's real
 * entry is loaded (staged-build.ts). So the production code runs as it is, FileDisk included, and meets the faults where
 * a kernel would report them.
 *
 * A fault is a file in the directory `<data directory>.faults`, see faults.ts: its name says which call it meets, its
 * JSON what happens. The call looks there each time, so a fault begins and ends while the thread runs.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { faultsDirectory, HANG_FIFO, type FaultCall, type FaultSpec } from '../faults.ts';

const POLL_MS = 2;
const { directory } = workerData as { readonly directory: string };
const faults = faultsDirectory(directory);
const real = { ...fs };
const pause = new Int32Array(new SharedArrayBuffer(4));
/** The file of each descriptor that was opened here. */
const names = new Map<number, string>();

function specOf(call: FaultCall): FaultSpec | null {
  try {
    return JSON.parse(real.readFileSync(join(faults, call), 'utf8')) as FaultSpec;
  } catch {
    return null;
  }
}

/** What a call does before it does its work: waits, counts, throws. @returns whether it is to write only half */
function meet(call: FaultCall, name: string): boolean {
  const spec = specOf(call);
  if (spec === null || !name.includes(spec.file ?? '')) return false;
  real.appendFileSync(join(faults, `${call}.met`), `${name}\n`);
  switch (spec.kind) {
    case 'count':
      return false;
    case 'stall':
      while (specOf(call)?.kind === 'stall') Atomics.wait(pause, 0, 0, POLL_MS);
      return false;
    case 'hang':
      real.openSync(join(faults, HANG_FIFO), 'r');
      return false;
    case 'short':
      return true;
    case 'fail':
      throw Object.assign(new Error(`${spec.code}: made by a test, ${call} '${name}'`), { code: spec.code });
  }
}

function nameOf(descriptor: number): string {
  return names.get(descriptor) ?? '';
}

fs.openSync = (path, flags, mode) => {
  const name = basename(String(path));
  meet(flags === 'wx+' ? 'create' : 'open', name);
  const descriptor = real.openSync(path, flags, mode);
  names.set(descriptor, name);
  return descriptor;
};
fs.fdatasyncSync = (descriptor) => {
  meet('datasync', nameOf(descriptor));
  real.fdatasyncSync(descriptor);
};
fs.fsyncSync = (descriptor) => {
  meet('sync', nameOf(descriptor));
  real.fsyncSync(descriptor);
};
fs.writevSync = (descriptor, chunks, position) => {
  if (!meet('write', nameOf(descriptor))) return real.writevSync(descriptor, chunks, position);
  const [first] = chunks;
  const part =
    chunks.length > 1 ? first : new Uint8Array(first.buffer, first.byteOffset, first.byteLength >>> 1);
  return real.writevSync(descriptor, [part], position);
};
fs.renameSync = (from, to) => {
  meet('rename', basename(String(to)));
  real.renameSync(from, to);
};
real.mkdirSync(faults, { recursive: true });
syncBuiltinESMExports();
