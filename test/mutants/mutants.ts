/**
 * Builds that are broken on purpose, one promise or bound each, and the test that must notice. A mutant that passes its
 * test means that the test proves nothing; the first six did so once.
 */
export interface Mutant {
  readonly name: string;
  /** Compiled file, from dist on. */
  readonly file: string;
  /** Text that stands in the file just once, and what it becomes. */
  readonly from: string;
  readonly to: string;
  /** Test file that must fail, from dist/test on. */
  readonly test: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'public cached reads have no gate',
    file: 'src/service/cache.js',
    from: 'raiseGate(this.#context, found.position);',
    to: '',
    test: 'system/gates.test.js',
  },
  {
    name: 'reads of holds and orders have no gate',
    file: 'src/service/read-requests.js',
    from: 'return claimOf(deps, event, request);',
    to: '{ const gate = deps.context.gate; const reply = claimOf(deps, event, request); deps.context.gate = gate; return reply; }',
    test: 'system/gates.test.js',
  },
  {
    name: "registry batches do not have the registry's gate",
    file: 'src/engine/look.js',
    from: 'raiseGate(context, loadPosition(context.arena, slot));',
    to: 'if (slot !== 0) raiseGate(context, loadPosition(context.arena, slot));',
    test: 'system/gates.test.js',
  },
  {
    name: 'FileDisk.sync() does nothing',
    file: 'src/journal/file-disk.js',
    from: 'fs.fdatasyncSync(this.#descriptor);',
    to: '',
    test: 'system/disk.test.js',
  },
  {
    name: 'FileDisk.syncDirectory() does nothing',
    file: 'src/journal/file-disk.js',
    from: 'fs.fsyncSync(descriptor);',
    to: '',
    test: 'system/disk.test.js',
  },
  {
    name: "a guard's readers do not settle their loads",
    file: 'src/engine/look.js',
    from: 'settleLoads(arena, slot);',
    to: '',
    test: 'engine/look.test.js',
  },
  {
    name: 'settling loads does not write the guard',
    file: 'src/memory/guard.js',
    from: 'Atomics.add(arena.words, eventBase(arena, slot) + EVENT.guard, 0);',
    to: 'Atomics.load(arena.words, eventBase(arena, slot) + EVENT.guard);',
    test: 'engine/look.test.js',
  },
  {
    name: 'a window is taken though the guard has changed',
    file: 'src/engine/look.js',
    from: 'if (readGuard(arena, slot) !== guard)\n            continue;',
    to: '',
    test: 'engine/look.test.js',
  },
  {
    name: 'answers after a death do not look at the event',
    file: 'src/service/batch-server.js',
    from: 'lookAt(this.#context, slot);\n        const replies',
    to: 'const replies',
    test: 'service/gates.test.js',
  },
  {
    name: 'the gate delivers at once',
    file: 'src/dispatch/gate.js',
    from: 'if (batch.rank <= this.#durable)',
    to: 'if (batch.rank >= 0)',
    test: 'system/gates.test.js',
  },
  {
    name: 'a mutex is taken before its ticket is served',
    file: 'src/memory/mutex.js',
    from: 'if (Atomics.load(words, base + EVENT.servingTicket) === ticket)\n            return;',
    to: 'return;',
    test: 'memory/mutex.test.js',
  },
  {
    name: 'a published frame of a dead worker is not redone',
    file: 'src/engine/repair.js',
    from: 'redoFrame(arena, slot, at, end);\n}',
    to: 'abortGuard(arena, slot);\n}',
    test: 'engine/crash-points.test.js',
  },
  {
    name: 'replay does not mind a gap in a sequence',
    file: 'src/engine/replay.js',
    from: 'if (sequence === last + step)',
    to: 'if (sequence >= 0)',
    test: 'engine/replay.test.js',
  },
  {
    name: 'unproven groups are not written again at a start',
    file: 'src/journal/segment-journal.js',
    from: 'if (count > 0)\n        writeWhole(file, [bytes], last.unprovenOffset);',
    to: '',
    test: 'journal/crash-fuzz.test.js',
  },
  {
    name: 'an idempotency key does not mind another body',
    file: 'src/engine/command.js',
    from: 'if (!sameBody)',
    to: 'if (false)',
    test: 'service/mutations.test.js',
  },
  {
    name: 'a success that changes nothing is not remembered',
    file: 'src/engine/command.js',
    from: "if (check.kind !== 'fresh')\n        return;\n    const timeMs",
    to: "if (check.kind !== 'none')\n        return;\n    const timeMs",
    test: 'campaign/replays.test.js',
  },
  {
    name: 'a sweep does not wait for queued requests',
    file: 'src/dispatch/lane.js',
    from: 'this.#oldest.peek()?.rank ?? nowMs,',
    to: '',
    test: 'dispatch/expiry.test.js',
  },
  {
    name: 'a sweep does not wait for requests that wait on their connections',
    file: 'src/dispatch/lane.js',
    from: ', this.#firstArrivalMs(nowMs))',
    to: ')',
    test: 'http/turns.test.js',
  },
  {
    name: 'a journal that stands still takes changes',
    file: 'src/dispatch/dispatcher.js',
    from: 'if (this.#stall.isStalled && isMutation(operation))',
    to: 'if (false)',
    test: 'dispatch/stall.test.js',
  },
  {
    name: 'the drain waits for answers however long they take',
    file: 'src/server.js',
    from: 'if ((this.#dispatcher?.admitted ?? 0) > 0)',
    to: 'if (false)',
    test: 'campaign/stalled-end.test.js',
  },
  {
    name: 'credit is not set aside in the ring',
    file: 'src/dispatch/credit.js',
    from: 'this.#ringHeld += need.ringBytes;',
    to: 'this.#ringHeld += need.ringBytes * 0;',
    test: 'dispatch/credit.test.js',
  },
  {
    name: 'a large command takes no more than one turn',
    file: 'src/dispatch/batcher.js',
    from: 'if (cost > 1)',
    to: 'if (cost > 1e9)',
    test: 'dispatch/fairness.test.js',
  },
  {
    name: 'a stale reply is told',
    file: 'src/service/cache.js',
    from: 'const isTrue = ready !== undefined && ready.guard === readGuard(this.#arena, event.slot);',
    to: 'const isTrue = ready !== undefined;',
    test: 'service/cache.test.js',
  },
  {
    name: 'memory that is not what it must be is written over',
    file: 'src/engine/apply-words.js',
    from: 'memoryFault(what, index, expected, found);\n}',
    to: 'words[index] = value;\n}',
    test: 'engine/replay.test.js',
  },
  {
    name: 'a group that was synced is cut as a torn tail',
    file: 'src/journal/journal-reader.js',
    from: 'if (reader.laterHeader(offset) >= 0) {',
    to: 'if (reader.laterHeader(offset) >= Infinity) {',
    test: 'journal/torn-tail.test.js',
  },
  {
    name: 'a snapshot that failed keeps its part',
    file: 'src/journal/snapshot.js',
    from: 'try {\n            unlinkIfThere(disk, part);',
    to: 'try {',
    test: 'journal/snapshot.test.js',
  },
  {
    name: 'a spare that the journal has taken still counts',
    file: 'src/journal/segment-supply.js',
    from: 'return Math.max(0, this.#counted - (this.#taken() - this.#takenAtCount));',
    to: 'return this.#counted;',
    test: 'journal/segment-supply.test.js',
  },
  {
    name: 'a roll without a spare loses the journal',
    file: 'workers/journal.js',
    from: "if (outcome.reason === 'full')",
    to: "if (outcome.reason === 'fuller')",
    test: 'campaign/rolls.test.js',
  },
  {
    name: 'no cells are kept for confirmations',
    file: 'src/memory/claims.js',
    from: 'return view.cellCount - (view.cellCount >>> 3);',
    to: 'return view.cellCount;',
    test: 'engine/reserve.test.js',
  },
  {
    name: 'no keys are kept for confirmations',
    file: 'src/memory/keys.js',
    from: 'return view.sectionCount === 0 ? 0 : keyLimit(view) >>> 2;',
    to: 'return 0;',
    test: 'engine/reserve.test.js',
  },
  {
    name: 'best seats do not see the seats that a change gives up',
    file: 'src/engine/best-seats.js',
    from: 'plan.givenUp.includes(seat));',
    to: 'false);',
    test: 'engine/best-seats.test.js',
  },
  {
    name: 'holds expire before a journal that stood still has caught up',
    file: 'src/dispatch/dispatcher.js',
    from: 'this.#expireFrom = headPosition(this.#arena);',
    to: '',
    test: 'dispatch/stall.test.js',
  },
  {
    name: 'a reply from before a patch hides behind the gate of the patch',
    file: 'src/service/cache.js',
    from: 'this.#made.clear();\n        const found',
    to: 'const found',
    test: 'service/gates.test.js',
  },
];
