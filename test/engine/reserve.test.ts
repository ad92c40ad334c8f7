/**
 * The reserve of keys and cells: whatever others have used up, and whoever did, a hold that has been paid for becomes an
 * order, under a key and with a reference; holds are released and orders cancelled.
 */
import t from 'tap';
import { auditArena } from '../../src/engine/audit.ts';
import { block, type BlockOutcome } from '../../src/engine/block.ts';
import { cancel } from '../../src/engine/cancel.ts';
import { change } from '../../src/engine/change.ts';
import type { BatchContext, Outcome } from '../../src/engine/command.ts';
import { take } from '../../src/engine/hold.ts';
import type { Note } from '../../src/engine/note.ts';
import { patchEvent, type PatchOutcome } from '../../src/engine/patch.ts';
import { decodeClaim, readClaim } from '../../src/engine/read.ts';
import { confirm, extend, release, sweep } from '../../src/engine/settle.ts';
import { createArena } from '../../src/memory/arena.ts';
import type { EventView } from '../../src/memory/event.ts';
import { keyLimit, keyReserve } from '../../src/memory/keys.ts';
import type { KeyHash } from '../../src/memory/keys.ts';
import { taking, text, TO_SALE, wordsOf } from './hall.ts';
import {
  differences,
  EngineRig,
  eventOf,
  keyOf,
  noteOf,
  refOf,
  replayInto,
  RULES,
  smallLimits,
  START_MS,
  wantPlaces,
} from './rig.ts';

const PLACES = 400;
const LIMITS = smallLimits({ claimBytesPerPlace: 128 });
const EVENT = eventOf('crowd', [{ id: 'a', name: 'A', kind: 'general', capacity: PLACES, price: 700 }]);
/** The longest reference there may be. */
const PAID = noteOf('p'.repeat(64));

class Sale {
  readonly rig = new EngineRig(LIMITS);
  readonly view: EventView = this.rig.event(EVENT);
  #keys = 0;

  key(share: number): KeyHash {
    return { ...keyOf(`key ${this.#keys++}`, 'body'), share };
  }

  hold(number: number, key: KeyHash | null = null, customer = ''): Outcome {
    const command = taking('hold', wordsOf(number, 1, 1), [wantPlaces(0, 1, false, 700)], {
      customer: text(customer),
      key,
    });
    return this.#run((context, view) => take(context, view, command));
  }

  /** Holds of a place each, numbered from a number on: their cells. */
  holds(from: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      const outcome = this.hold(from + i);
      if (!outcome.ok) throw new Error(`the test's hold is refused: ${outcome.code}`);
      return outcome.cell;
    });
  }

  #ref(cell: number, number: number): ReturnType<typeof refOf> {
    return refOf(this.view, cell, wordsOf(number, 1, 1));
  }

  #run<T>(command: (context: BatchContext, view: EventView) => T): T {
    const outcome = this.rig.run(this.view, command);
    this.rig.journal.drain();
    return outcome;
  }

  confirm(cell: number, number: number, key: KeyHash | null, note: Note | null, retake = false): Outcome {
    const ref = this.#ref(cell, number);
    const command = { ref, receivedAtMs: START_MS, note, retake, rules: RULES, key };
    return this.#run((context, view) => confirm(context, view, command));
  }

  release(cell: number, number: number, key: KeyHash | null): Outcome {
    const command = { ref: this.#ref(cell, number), receivedAtMs: START_MS, key };
    return this.#run((context, view) => release(context, view, command));
  }

  cancel(cell: number, number: number, key: KeyHash | null): Outcome {
    const command = { ref: this.#ref(cell, number), tickets: null, ...TO_SALE, key };
    return this.#run((context, view) => cancel(context, view, command));
  }

  change(cell: number, number: number): Outcome {
    const plain = { receivedAtMs: START_MS, remove: [], expectTotal: null, rules: RULES, key: null };
    const add = [1, 2, 3, 4].map((price) => wantPlaces(0, 1, false, price));
    const command = { ref: this.#ref(cell, number), add, ...plain };
    return this.#run((context, view) => change(context, view, command));
  }

  extend(cell: number, number: number, key: KeyHash): Outcome {
    const command = {
      ref: this.#ref(cell, number),
      receivedAtMs: START_MS,
      durationMs: 90_000,
      rules: RULES,
      key,
    };
    return this.#run((context, view) => extend(context, view, command));
  }

  /** Pauses the event, from its first version. */
  pause(key: KeyHash): PatchOutcome {
    const definition = { ...EVENT, state: 'paused' as const };
    const json = Buffer.from(JSON.stringify(definition));
    const command = { definition, json, fromVersion: 1, key };
    return patchEvent(this.rig.context, this.view.slot, command);
  }

  /** Blocks a place, or puts it back. */
  block(kind: 'block' | 'unblock', key: KeyHash): BlockOutcome {
    const command = { kind, seats: [], places: [{ section: 0, quantity: 1 }], reason: text(''), key };
    return this.#run((context, view) => block(context, view, command));
  }

  /** Keys of these clients, in turn, until none of them gets another. Returns how many they got. */
  fillKeys(shares: readonly number[]): number {
    let made = 0;
    const full = new Set<number>();
    while (full.size < shares.length) {
      for (const share of shares) {
        if (this.block(made % 2 === 0 ? 'block' : 'unblock', this.key(share)).ok) made++;
        else full.add(share);
      }
    }
    return made;
  }

  /** Orders with ever shorter notes until not even a hold of a place finds room. */
  fillCells(): void {
    let number = 100_000;
    for (const bytes of [512, 200, 60, 0]) {
      for (;;) {
        const note = bytes === 0 ? null : noteOf('', 'm'.repeat(bytes));
        const items = [wantPlaces(0, 1, false, 700)];
        const command = taking('order', wordsOf(number++, 1, 1), items, { note });
        if (!this.#run((context, view) => take(context, view, command)).ok) break;
      }
    }
  }

  sweep(): number {
    return this.#run((context, view) => sweep(context, view, context.nowMs, 64));
  }

  /** Memory is sound, and the journal leads to the same. */
  findings(): string[] {
    const replayed = createArena(LIMITS);
    replayInto(replayed, this.rig.journal.frames());
    const audit = auditArena(this.rig.arena).findings.map(({ message }) => message);
    return [...audit, ...differences(this.rig.arena, replayed)];
  }
}

const FULL = { ok: false, code: 'capacity-exhausted' };

for (const [who, shares] of [
  ['one client', [7]],
  ['many clients', Array.from({ length: 126 }, (_, i) => i + 1)],
] as const) {
  t.test(`when ${who} used up keys, and orders the cells, every hold can still be settled`, async (t) => {
    const sale = new Sale();
    const own = sale.holds(1, 60);
    sale.fillKeys(shares);
    sale.fillCells();
    const key = (): KeyHash => sale.key(7);
    t.match(sale.hold(900), FULL, 'there are no cells for a hold');
    t.match(sale.change(own[0], 1), FULL, 'nor for a change');
    t.match(sale.extend(own[0], 1, key()), FULL, 'and no key to extend one');
    t.match(sale.block('block', key()), FULL);
    const refused: string[] = [];
    own.forEach((cell, i) => {
      const number = i + 1;
      const outcomes =
        i % 3 === 0
          ? [sale.release(cell, number, key())]
          : [sale.confirm(cell, number, key(), PAID), sale.cancel(cell, number, i % 3 === 1 ? key() : null)];
      for (const outcome of outcomes) if (!outcome.ok) refused.push(`hold ${number}: ${outcome.code}`);
      const copy = readClaim(sale.view, cell);
      if (i % 3 !== 0 && (copy === null || decodeClaim(copy).reference !== 'p'.repeat(64)))
        refused.push(`hold ${number} has no reference`);
    });
    t.strictSame(refused, []);
    t.strictSame(sale.findings(), []);
  });
}

t.test('a key out of the reserve is remembered as any other', async (t) => {
  const sale = new Sale();
  const [paid, gone] = sale.holds(1, 2);
  sale.fillKeys([7]);
  const keys = [sale.key(7), sale.key(7), sale.key(7)] as const;
  const both = (): Outcome[] => [
    sale.confirm(paid, 1, keys[0], PAID),
    sale.cancel(paid, 1, keys[1]),
    sale.release(gone, 2, keys[2]),
  ];
  t.match(both(), [{ changed: true }, { changed: true }, { changed: true }]);
  t.match(both(), [{ replayed: true }, { replayed: true }, { replayed: true }]);
  const other = { ...keys[0], body0: 1 };
  t.match(sale.confirm(paid, 1, other, PAID), { code: 'idempotency-mismatch' });
});

t.test('keys out of the reserve take none from other clients, and come back in a day', async (t) => {
  const sale = new Sale();
  const ordinary = keyLimit(sale.view) - keyReserve(sale.view);
  t.equal(sale.fillKeys([7]), Math.ceil((ordinary * 4) / 5), 'a client alone gets four fifths of the rest');
  const before = sale.fillKeys([8]);
  const other = new Sale();
  other.fillKeys([7]);
  const cells = other.holds(1, 60);
  cells.forEach((cell, i) => other.confirm(cell, i + 1, other.key(7), null));
  t.equal(other.fillKeys([8]), before, 'another client has as many, whatever the first has confirmed');
  other.rig.context.nowMs = START_MS + 29 * 3600 * 1000;
  t.equal(other.fillKeys([7]), Math.ceil((ordinary * 4) / 5));
  t.strictSame(other.findings(), []);
});

t.test(
  'a client that takes and releases holds all day leaves half of the reserve to confirmations',
  async (t) => {
    const sale = new Sale();
    const reserve = keyReserve(sale.view);
    const paying = sale.holds(1, reserve >>> 1);
    sale.fillKeys(Array.from({ length: 126 }, (_, i) => i + 1));
    let released = 0;
    for (let number = 1000; ; number++) {
      const [cell] = sale.holds(number, 1);
      if (!sale.release(cell, number, sale.key(7)).ok) break;
      released++;
    }
    t.equal(released, reserve >>> 1);
    const refused = paying.filter((cell, i) => !sale.confirm(cell, i + 1, sale.key(1 + (i % 126)), PAID).ok);
    t.strictSame(refused, [], 'every other client is confirmed');
    const [last] = sale.holds(5000, 1);
    t.match(sale.confirm(last, 5000, sale.key(9), null), FULL, 'until that half is used up as well');
    t.match(sale.confirm(last, 5000, null, null), { ok: true }, 'without a key at any time');
    t.strictSame(sale.findings(), []);
  },
);

t.test(
  'a hold that has run out is taken again, with its reference, where cells and keys are used up',
  async (t) => {
    const sale = new Sale();
    const [own] = sale.holds(1, 1);
    sale.fillKeys([7]);
    sale.fillCells();
    sale.rig.context.nowMs = START_MS + 61_000;
    t.equal(sale.sweep(), 1);
    t.match(sale.confirm(own, 1, sale.key(7), PAID, true), { ok: true, changed: true });
    const copy = readClaim(sale.view, own);
    t.match(copy === null ? null : decodeClaim(copy), { reference: 'p'.repeat(64) });
    t.strictSame(sale.findings(), []);
  },
);

t.test('a sale whose keys are used up can be paused under a key', async (t) => {
  const sale = new Sale();
  const [cell] = sale.holds(1, 1);
  for (let share = 1; share < 127; share++) while (sale.extend(cell, 1, sale.key(share)).ok);
  t.match(sale.hold(2, sale.key(1)), { ok: false, code: 'capacity-exhausted' });
  t.match(sale.pause(sale.key(1)), { ok: true, changed: true, replayed: false });
});
