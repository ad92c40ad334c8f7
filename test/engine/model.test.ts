/**
 * Random commands against the engine and against a naive model that knows nothing of it. Then the frames that the
 * journal kept are replayed, once from the start and once from a snapshot in their middle.
 */
import fc from 'fast-check';
import t from 'tap';
import { FRAME_KIND, headerKind, WORD_SEQUENCE, WORD_EVENT, wide } from '../../src/core/frame.ts';
import { cancel } from '../../src/engine/cancel.ts';
import { findClaim, type Outcome } from '../../src/engine/command.ts';
import type { SaleRules } from '../../src/engine/definition.ts';
import { noteLength, type Note } from '../../src/engine/note.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { block, type BlockOutcome } from '../../src/engine/block.ts';
import { change } from '../../src/engine/change.ts';
import { take, type WantedItem } from '../../src/engine/hold.ts';
import { decodeClaim, isTicketCancelled, readClaim, readCounts, readSeat } from '../../src/engine/read.ts';
import { Replay } from '../../src/engine/replay.ts';
import { confirm, extend, release, sweep } from '../../src/engine/settle.ts';
import { dumpArena, dumpBytes, loadArena } from '../../src/engine/snapshot.ts';
import { createArena } from '../../src/memory/arena.ts';
import { cellsForClaim, cellsForNote, cellsForTail, claimCells, tailCell } from '../../src/memory/claims.ts';
import { cellBase, type EventView } from '../../src/memory/event.ts';
import type { KeyHash } from '../../src/memory/keys.ts';
import { loadSequence, readGuard } from '../../src/memory/guard.ts';
import { CLAIM, CLAIM_FLAG, CLAIM_STATE } from '../../src/memory/layout.ts';
import { Model, type ClaimState, type Expected, type ModelClaim, type Wanted } from './model.ts';
import {
  differences,
  EngineRig,
  eventOf,
  isLong,
  keyOf,
  noteOf,
  PLAIN_TAKE,
  refOf,
  replayInto,
  RULES,
  smallLimits,
  START_MS,
  testSeed,
  wantPlaces,
  wantSeat,
  type TestSection,
} from './rig.ts';

/** Rows: s a seat, w a wheelchair seat, _ an aisle. */
const ROWS = [
  ['ssss_ssss', 'sss_wsss_s', 's_sssss_ww', 'ssssss'],
  ['sw_ws', 'sssssss'],
];
const LAYOUT = [
  { id: 'floor', capacity: 14, price: 1500, rows: null },
  { id: 'stalls', capacity: 0, price: 9000, rows: ROWS[0] },
  { id: 'box', capacity: 0, price: null, rows: ROWS[1] },
  { id: 'bar', capacity: 2, price: 0, rows: null },
].map((section) => ({
  ...section,
  capacity: section.rows === null ? section.capacity : section.rows.join('').replaceAll('_', '').length,
}));
const SEATS = LAYOUT.reduce((sum, section) => sum + (section.rows === null ? 0 : section.capacity), 0);

function definitionSections(): TestSection[] {
  return LAYOUT.map(({ id, capacity, price, rows }) => {
    if (rows === null) return { id, name: id, kind: 'general', capacity, price };
    return {
      id,
      name: id,
      kind: 'seated',
      capacity,
      price,
      rows: rows.map((letters, row) => ({
        id: String(row),
        seats: letters.split('').map((letter, i) => {
          if (letter === '_') return null;
          return letter === 'w' ? { id: String(i + 1), features: ['wheelchair'] } : String(i + 1);
        }),
      })),
    };
  });
}

type Command =
  | {
      readonly op: 'take';
      readonly kind: 'hold' | 'order';
      readonly items: readonly Wanted[];
      readonly customer: string;
      readonly reference: string | null;
      readonly metadata: string | null;
      readonly durationMs: number;
      readonly key: number | null;
    }
  | {
      readonly op: 'confirm';
      readonly pick: number;
      readonly reference: string | null;
      readonly metadata: string | null;
      readonly retake: boolean;
      readonly lagMs: number;
      readonly key: number | null;
    }
  | { readonly op: 'release'; readonly pick: number; readonly lagMs: number; readonly key: number | null }
  | {
      readonly op: 'cancel';
      readonly pick: number;
      readonly tickets: readonly number[] | null;
      readonly toBlocked: boolean;
      readonly key: number | null;
    }
  | {
      readonly op: 'change';
      readonly pick: number;
      readonly add: readonly Wanted[];
      /** Which of its items, by place, and how many places of it. */
      readonly remove: readonly { readonly item: number; readonly quantity: number }[];
      readonly lagMs: number;
      readonly key: number | null;
    }
  | {
      readonly op: 'extend';
      readonly pick: number;
      readonly durationMs: number;
      readonly lagMs: number;
      readonly key: number | null;
    }
  | {
      readonly op: 'block';
      readonly isBlock: boolean;
      readonly seats: readonly number[];
      readonly places: readonly { readonly section: number; readonly quantity: number }[];
      readonly key: number | null;
    }
  | { readonly op: 'sweep'; readonly lagMs: number }
  | { readonly op: 'advance'; readonly ms: number }
  /** An earlier command with a key, word for word. */
  | { readonly op: 'again'; readonly pick: number };

const key = fc.option(fc.nat(40), { freq: 3 });
const words = fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }), { freq: 3 });
const wanted: fc.Arbitrary<Wanted> = fc.oneof(
  fc.record({ kind: fc.constant('seat' as const), seat: fc.nat(SEATS - 1) }),
  fc.record({
    kind: fc.constant('places' as const),
    section: fc.nat(LAYOUT.length - 1),
    quantity: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) },
      fc.integer({ min: 1, max: 20 }),
    ),
    adjacent: fc.boolean(),
  }),
);
const wantedItems = fc.uniqueArray(wanted, {
  minLength: 1,
  maxLength: 4,
  selector: (item) => (item.kind === 'seat' ? item.seat : JSON.stringify(item)),
});
const durationMs = fc.constantFrom(1000, 5000, 60_000, 1_800_000);
const lagMs = fc.constantFrom(0, 0, 0, 500, 5000);
const pick = fc.nat(1000);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('take' as const),
      kind: fc.constantFrom('hold' as const, 'hold' as const, 'order' as const),
      items: wantedItems,
      // Mostly the same few, so that they come to their limits.
      customer: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom('', 'a', 'b') },
        fc.string({ maxLength: 8 }),
        fc.string({ minLength: 30, maxLength: 60, unit: 'grapheme-ascii' }),
      ),
      reference: words,
      metadata: words,
      durationMs,
      key,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('confirm' as const),
      pick,
      reference: words,
      metadata: words,
      retake: fc.boolean(),
      lagMs,
      key,
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('release' as const), pick, lagMs, key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('cancel' as const),
      pick,
      tickets: fc.option(fc.array(fc.nat(12), { minLength: 1, maxLength: 4 })),
      toBlocked: fc.boolean(),
      key,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('change' as const),
      pick,
      add: fc.oneof(fc.constant([]), wantedItems),
      remove: fc.array(fc.record({ item: fc.nat(8), quantity: fc.integer({ min: 1, max: 4 }) }), {
        maxLength: 3,
      }),
      lagMs,
      key,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('extend' as const), pick, durationMs, lagMs, key }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('block' as const),
      isBlock: fc.boolean(),
      seats: fc.uniqueArray(fc.nat(SEATS - 1), { maxLength: 4 }),
      places: fc.uniqueArray(
        fc.record({ section: fc.constantFrom(0, 3), quantity: fc.integer({ min: 1, max: 3 }) }),
        { maxLength: 2, selector: ({ section }) => section },
      ),
      key,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('sweep' as const), lagMs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      ms: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(1, 999, 1000, 4000, 5000, 60_000) },
        { weight: 1, arbitrary: fc.constantFrom(3_600_000, 24 * 3_600_000 - 1000, 24 * 3_600_000) },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('again' as const), pick }) },
);

/** A command with its claim found and its key named: what `again` repeats. */
type Keyed = { readonly command: Command; readonly claim: ModelClaim | null };

const MAX_HOLD_MS = 65_000;

const STATES: Record<ClaimState, number> = {
  held: CLAIM_STATE.held,
  confirmed: CLAIM_STATE.confirmed,
  released: CLAIM_STATE.released,
  expired: CLAIM_STATE.expired,
  cancelled: CLAIM_STATE.cancelled,
};

function noteOrNull(reference: string | null, metadata: string | null): Note | null {
  return reference === null && metadata === null ? null : noteOf(reference ?? '', metadata ?? '');
}

/** The same with claims of one place and longer notes. */
function crowding(next: Command): Command {
  if (next.op === 'confirm') return { ...next, metadata: 'n'.repeat(100) };
  if (next.op !== 'take') return next;
  const [item] = next.items;
  const single = item.kind === 'seat' ? item : { ...item, quantity: 1 };
  return { ...next, items: [single], metadata: next.key === null ? 'm'.repeat(510) : null };
}

/** Orders that leave few cells to others. */
const CROWD = 34;

function crowdOrder(index: number): Command {
  const places = { kind: 'places', section: 0, quantity: 1, adjacent: false } as const;
  const items: Wanted[] = [index < 10 ? places : { kind: 'seat', seat: SEATS - index + 9 }];
  const rest = {
    customer: `crowd ${index}`.padEnd(60),
    reference: null,
    metadata: null,
    durationMs: 1000,
    key: null,
  };
  return { op: 'take', kind: 'order', items, ...rest };
}

class Run {
  readonly rig = new EngineRig();
  readonly view: EventView;
  readonly model = new Model(LAYOUT, START_MS);
  readonly #keyed: Keyed[] = [];
  readonly codes = new Map<string, number>();
  /** Notes of confirmations that found room in the reserve alone. */
  reserved = 0;
  #random = 1;

  readonly #isCrowded: boolean;

  /**
   * @param limits what a customer may have, tickets and holds; 0 for no limits
   * @param isCrowded there are orders with much metadata, and all that come have as much: cells are used up, places not
   */
  constructor(limits: number, isCrowded: boolean) {
    this.#isCrowded = isCrowded;
    if (limits > 0) this.model.rules = { tickets: limits, holds: 1 };
    this.view = this.rig.event(eventOf('hall', definitionSections()));
    for (let i = 0; isCrowded && i < CROWD; i++) this.step(crowdOrder(i));
  }

  #rules(): SaleRules {
    const { tickets, holds } = this.model.rules;
    return { ...RULES, ticketsPerCustomer: tickets, holdsPerCustomer: holds, maxHoldMs: MAX_HOLD_MS };
  }

  /** As a worker would have made it of the definition. */
  #wanted(items: readonly Wanted[]): WantedItem[] {
    return items.map((item) => {
      const section = item.kind === 'seat' ? this.model.seats[item.seat].section : item.section;
      const { price } = LAYOUT[section];
      if (item.kind === 'seat') return wantSeat(this.view, item.seat, price);
      return wantPlaces(section, item.quantity, item.adjacent, price);
    });
  }

  #fail(what: string): never {
    throw new Error(what);
  }

  /** Cells that only notes of confirmations may take begin here. */
  get #reserve(): number {
    return this.view.cellCount - Math.floor(this.view.cellCount / 8);
  }

  /** Whether so many cells in a row are free before an end, and none of them is among a claim's own. */
  #hasRun(count: number, end: number, own: ModelClaim | null = null): boolean {
    const { view } = this;
    const taken = new Set<number>();
    const records = own === null ? [] : [own.cell, tailCell(view, own.cell)].filter((cell) => cell >= 0);
    for (const cell of records) {
      const cells = claimCells(view.words[cellBase(view, cell) + CLAIM.state]);
      for (let i = 0; i < cells; i++) taken.add(cell + i);
    }
    let run = 0;
    for (let cell = 0; cell < end; cell++) {
      const isLive = ((view.words[view.live + (cell >>> 5)] >>> (cell & 31)) & 1) === 1;
      run = isLive || taken.has(cell) ? 0 : run + 1;
      if (run === count) return true;
    }
    return false;
  }

  #claim(number: number, op: Command['op']): ModelClaim | null {
    const claims = this.model.claims.slice(this.#isCrowded ? CROWD : 0);
    // What holds alone can do is mostly asked of holds.
    const held = op === 'change' || op === 'extend' ? claims.filter(({ state }) => state === 'held') : [];
    if (held.length > 0 && number % 4 !== 0) return held[number % held.length];
    // Mostly the last ones, which are more alive.
    if (claims.length === 0) return null;
    return claims[Math.max(0, claims.length - 1 - (number % (number % 3 === 0 ? claims.length : 6)))];
  }

  step(next: Command): void {
    const before = loadSequence(this.rig.arena, this.view.slot);
    switch (next.op) {
      case 'advance':
        this.model.nowMs += next.ms;
        this.rig.context.nowMs = this.model.nowMs;
        return;
      case 'sweep':
        this.#sweep(next.lagMs);
        break;
      case 'again': {
        const keyed = this.#keyed.at(-1 - (next.pick % Math.max(1, Math.min(6, this.#keyed.length))));
        if (keyed === undefined) return;
        this.#run(keyed.command, keyed.claim);
        break;
      }
      default: {
        const claim = 'pick' in next ? this.#claim(next.pick, next.op) : null;
        this.#run(this.#isCrowded ? crowding(next) : next, claim);
      }
    }
    const after = loadSequence(this.rig.arena, this.view.slot);
    if (after !== this.model.sequence)
      this.#fail(`sequence ${after} after ${before}, expected ${this.model.sequence}`);
    this.#checkAll();
    this.rig.journal.drain();
  }

  #sweep(lag: number): void {
    const beforeMs = this.model.nowMs - lag;
    const due = this.model.due(beforeMs);
    const expired = this.rig.run(this.view, (context, view) => sweep(context, view, beforeMs, 64));
    if (expired !== Math.min(64, due.length)) this.#fail(`${expired} holds expired, expected ${due.length}`);
    for (const claim of due) this.model.settle(claim, 'expired');
  }

  #run(next: Command, claim: ModelClaim | null): void {
    if (next.op === 'sweep' || next.op === 'advance' || next.op === 'again') return;
    if (next.op !== 'take' && next.op !== 'block' && claim === null) return;
    const number = next.key;
    const isBlock = next.op === 'block' && next.isBlock;
    const op = next.op === 'take' ? next.kind : isBlock ? 'block' : next.op === 'block' ? 'unblock' : next.op;
    const about = claim === null ? op : `${op}/${claim.random[0]}`;
    if (claim !== null) this.#look(claim);
    const name = number === null ? null : `${about}/${number}`;
    // In that second either answer is right, and the model would have to ask the engine which.
    if (this.model.isKeyOnTheEdge(name)) return;
    if (name !== null) this.#keyed.push({ command: next, claim });
    const body = JSON.stringify({ ...next, pick: 0, key: 0 });
    const rules = this.#rules();
    const hash = name === null ? null : keyOf(name, body);
    const receivedAtMs = this.model.nowMs - ('lagMs' in next ? next.lagMs : 0);
    const { model, rig, view } = this;
    switch (next.op) {
      case 'take':
        this.#take(next, name, body);
        return;
      case 'confirm': {
        const ref = refOf(view, (claim as ModelClaim).cell, (claim as ModelClaim).random);
        const { retake } = next;
        const expected = this.#expectConfirm(next, claim as ModelClaim, receivedAtMs, name, body);
        const note = noteOrNull(next.reference, next.metadata);
        const outcome = rig.run(view, (context) =>
          confirm(context, view, { ref, receivedAtMs, note, retake, rules, key: hash }),
        );
        this.#check(retake ? 'retake' : next.op, outcome, expected, claim);
        return;
      }
      case 'release': {
        const known = model.key(name, body, 'hold-not-found');
        // A known key of a release says 204 even when the claim's room is another's by now.
        const expected =
          known?.code === 'hold-not-found' ? { code: 'ok', changed: false, replayed: true } : known;
        const ended = expected ?? this.#expectRelease(claim as ModelClaim, receivedAtMs, name, body);
        const ref = refOf(view, (claim as ModelClaim).cell, (claim as ModelClaim).random);
        const outcome = rig.run(view, (context) => release(context, view, { ref, receivedAtMs, key: hash }));
        this.#check(next.op, outcome, ended, claim);
        return;
      }
      case 'cancel': {
        const owner = claim as ModelClaim;
        const tickets = next.tickets?.map((ticket) => ticket % owner.tickets.length) ?? null;
        const expected = this.#expectCancel(owner, tickets, next.toBlocked, name, body);
        const ref = refOf(view, owner.cell, owner.random);
        const outcome = rig.run(view, (context) =>
          cancel(context, view, {
            ref,
            tickets,
            toBlocked: next.toBlocked,
            reason: Buffer.from('why'),
            key: hash,
          }),
        );
        this.#check(next.op, outcome, expected, claim);
        return;
      }
      case 'change': {
        const owner = claim as ModelClaim;
        const ref = refOf(view, owner.cell, owner.random);
        const removed = next.remove.map(({ item, quantity }) => {
          const own = owner.items[item % owner.items.length];
          return { ...own, quantity: own.seat >= 0 ? 1 : quantity };
        });
        const remove = removed.map(({ seat, section, quantity }) =>
          seat >= 0
            ? ({ kind: 'seat', seat } as const)
            : ({ kind: 'places', section, quantity, type: -1 } as const),
        );
        const expected = this.#expectChange(owner, next.add, removed, receivedAtMs, name, body);
        const add = this.#wanted(next.add);
        const outcome = rig.run(view, (context) =>
          change(context, view, { ref, receivedAtMs, add, remove, expectTotal: null, rules, key: hash }),
        );
        this.#check(next.op, outcome, expected, claim);
        return;
      }
      case 'extend': {
        const owner = claim as ModelClaim;
        const ref = refOf(view, owner.cell, owner.random);
        const { durationMs: forMs } = next;
        const expected = this.#expectExtend(owner, forMs, receivedAtMs, name, body);
        const outcome = rig.run(view, (context) =>
          extend(context, view, { ref, receivedAtMs, durationMs: forMs, rules, key: hash }),
        );
        this.#check(next.op, outcome, expected, claim);
        return;
      }
      case 'block':
        this.#block(next, name, body, hash);
    }
  }

  /** Whether the room of an ended claim is another's by now, only the engine can say. */
  #look(claim: ModelClaim): void {
    if (findClaim(this.view, refOf(this.view, claim.cell, claim.random)) < 0) claim.isGone = true;
  }

  #block(next: Command & { op: 'block' }, name: string | null, body: string, hash: KeyHash | null): void {
    const { isBlock, seats, places } = next;
    const kind = isBlock ? 'block' : 'unblock';
    const outcome: BlockOutcome = this.rig.run(this.view, (context) =>
      block(context, this.view, { kind, seats, places, reason: Buffer.from('r'), key: hash }),
    );
    const expected = this.#expectBlock(next, name, body);
    const isUnchanged = outcome.ok && !outcome.replayed && outcome.changed === 0;
    this.#count(kind, isUnchanged ? 'unchanged' : outcome.ok ? 'ok' : outcome.code, outcome);
    const { section, requested, available, held, places: moved, replayed, seats: wrong } = expected;
    const right =
      expected.code === 'ok'
        ? ['ok', moved, replayed]
        : [expected.code, section, requested, available, held, wrong];
    const left = outcome.ok
      ? ['ok', outcome.changed, outcome.replayed]
      : [outcome.code, outcome.section, outcome.requested, outcome.available, outcome.held, outcome.seats];
    if (JSON.stringify(left) !== JSON.stringify(right))
      this.#fail(`${kind} is answered with ${JSON.stringify(left)}, expected ${JSON.stringify(right)}`);
  }

  #expectBlock(next: Command & { op: 'block' }, name: string | null, body: string): Expected {
    const { model } = this;
    const known = model.key(name, body, '');
    if (known !== null) return known;
    const blocked = model.block(next.isBlock, next.seats, next.places);
    if (typeof blocked !== 'number') return blocked.refusal;
    model.remember(name, body, blocked);
    return { code: 'ok', places: blocked, replayed: false };
  }

  #expectChange(
    claim: ModelClaim,
    add: readonly Wanted[],
    remove: readonly { seat: number; section: number; quantity: number }[],
    receivedAtMs: number,
    name: string | null,
    body: string,
  ): Expected {
    const { model } = this;
    const known = model.key(name, body, 'hold-not-found');
    if (known !== null) return known;
    if (claim.isGone) return { code: 'hold-not-found' };
    if (claim.state === 'confirmed') return { code: 'hold-confirmed' };
    const ended = model.ended(claim, receivedAtMs);
    if (ended !== null) return ended;
    const planned = model.planChange(claim, add, remove);
    if ('refusal' in planned) return planned.refusal;
    const places = planned.items.reduce((sum, item) => sum + item.quantity, 0);
    const limited = model.limit(claim.customer, places - claim.tickets.length, 0);
    if (limited !== null) return limited;
    const cells = cellsForTail(planned.items.length, Buffer.byteLength(claim.customer));
    if (!this.#hasRun(cells, this.#reserve)) return { code: 'capacity-exhausted' };
    model.change(claim, planned.items, planned.adjacent);
    model.remember(name, body, claim);
    return { code: 'ok', claim, changed: true, replayed: false };
  }

  #expectExtend(
    claim: ModelClaim,
    forMs: number,
    receivedAtMs: number,
    name: string | null,
    body: string,
  ): Expected {
    const { model } = this;
    const known = model.key(name, body, 'hold-not-found');
    if (known !== null) return known;
    if (claim.isGone) return { code: 'hold-not-found' };
    if (claim.state === 'confirmed') return { code: 'hold-confirmed' };
    const ended = model.ended(claim, receivedAtMs);
    if (ended !== null) return ended;
    const expected = model.extend(claim, forMs, MAX_HOLD_MS);
    if (expected.code === 'ok') model.remember(name, body, claim);
    return expected;
  }

  #take(next: Command & { op: 'take' }, name: string | null, body: string): void {
    const { model, rig, view } = this;
    const random = Uint32Array.of(this.#random++, 0xffff_ffff, this.#random * 7);
    const known = model.key(name, body, next.kind === 'hold' ? 'hold-not-found' : 'order-not-found');
    const planned = known === null ? model.plan(next.items) : null;
    const note = noteOrNull(next.reference, next.metadata);
    const noteCells = note === null ? 0 : cellsForNote(noteLength(note));
    const customer = Buffer.from(next.customer);
    const items = planned !== null && 'items' in planned ? planned.items.length : 0;
    const hasRoom = this.#hasRun(cellsForClaim(items, customer.length) + noteCells, this.#reserve);
    const outcome = rig.run(view, (context) =>
      take(context, view, {
        ...PLAIN_TAKE,
        kind: next.kind,
        items: this.#wanted(next.items),
        customer,
        note,
        durationMs: next.durationMs,
        rules: this.#rules(),
        random,
        key: name === null ? null : keyOf(name, body),
      }),
    );
    const limited =
      planned !== null && 'items' in planned
        ? model.limit(
            next.customer,
            planned.items.reduce((sum, item) => sum + item.quantity, 0),
            next.kind === 'hold' ? 1 : 0,
          )
        : null;
    if (planned === null) {
      this.#check(next.kind, outcome, known as Expected, null);
    } else if ('refusal' in planned) {
      this.#check(next.kind, outcome, planned.refusal, null);
    } else if (limited !== null) {
      this.#check(next.kind, outcome, limited, null);
    } else if (!hasRoom) {
      this.#check(next.kind, outcome, { code: 'capacity-exhausted' }, null);
    } else {
      this.#check(next.kind, outcome, { code: 'ok', claim: null, changed: true, replayed: false }, null);
      if (!outcome.ok) return;
      const claim = model.add({
        cell: outcome.cell,
        random,
        items: planned.items,
        customer: next.customer,
        reference: next.reference,
        metadata: next.metadata,
        expiresMs: next.kind === 'hold' ? model.nowMs + next.durationMs : 0,
        adjacent: planned.adjacent,
        state: next.kind === 'hold' ? 'held' : 'confirmed',
      });
      model.remember(name, body, claim);
      this.#checkClaim(claim);
    }
  }

  #expectConfirm(
    next: Command & { op: 'confirm' },
    claim: ModelClaim,
    receivedAtMs: number,
    name: string | null,
    body: string,
  ): Expected {
    const { model } = this;
    const known = model.key(name, body, 'hold-not-found');
    if (known !== null) return known;
    if (claim.isGone) return { code: 'hold-not-found' };
    if (claim.state === 'confirmed') return this.#unchanged(claim, name, body);
    const isRetake = next.retake && claim.state === 'expired' && model.nowMs - claim.updatedMs <= 3_600_000;
    const mayConfirm = isRetake || (next.retake && claim.state === 'held');
    const ended = mayConfirm ? null : model.ended(claim, receivedAtMs);
    if (ended !== null) return ended;
    const gone = isRetake ? model.retakable(claim) : null;
    if (gone !== null) return gone;
    if (isRetake) this.#loseNote(claim);
    const note = noteOf(next.reference ?? claim.reference ?? '', next.metadata ?? claim.metadata ?? '');
    const isNoted = next.reference !== null || next.metadata !== null;
    const cells = cellsForNote(noteLength(note));
    if (isNoted && !this.#hasRun(cells, this.view.cellCount, isRetake ? claim : null))
      return { code: 'capacity-exhausted' };
    if (isNoted && !this.#hasRun(cells, this.#reserve, isRetake ? claim : null)) this.reserved++;
    model.settle(claim, 'confirmed');
    claim.reference = next.reference ?? claim.reference;
    claim.metadata = next.metadata ?? claim.metadata;
    claim.mayHaveLostNote = false;
    model.remember(name, body, claim);
    return { code: 'ok', claim, changed: true, replayed: false };
  }

  /** Whether the room of an ended hold's note is another's by now, only the engine can say. */
  #loseNote(claim: ModelClaim): void {
    const found = readClaim(this.view, claim.cell);
    if (found === null || found.note !== null) return;
    claim.reference = null;
    claim.metadata = null;
  }

  #expectRelease(claim: ModelClaim, receivedAtMs: number, name: string | null, body: string): Expected {
    const { model } = this;
    if (claim.isGone) return { code: 'hold-not-found' };
    if (claim.state === 'confirmed') return { code: 'hold-confirmed' };
    if (claim.state === 'cancelled') return { code: 'hold-confirmed' };
    if (claim.state === 'released') return this.#unchanged(claim, name, body);
    const ended = model.ended(claim, receivedAtMs);
    if (ended !== null) return ended;
    model.settle(claim, 'released');
    model.remember(name, body, claim);
    return { code: 'ok', claim, changed: true, replayed: false };
  }

  #expectCancel(
    claim: ModelClaim,
    tickets: readonly number[] | null,
    toBlocked: boolean,
    name: string | null,
    body: string,
  ): Expected {
    const { model } = this;
    const known = model.key(name, body, 'order-not-found');
    if (known !== null) return known;
    if (claim.isGone) return { code: 'order-not-found' };
    if (claim.state === 'cancelled') return this.#unchanged(claim, name, body);
    if (claim.state !== 'confirmed') return { code: 'order-not-found' };
    if (!model.cancel(claim, tickets, toBlocked)) return this.#unchanged(claim, name, body);
    model.remember(name, body, claim);
    return { code: 'ok', claim, changed: true, replayed: false };
  }

  /** The claim stands as it is wanted. */
  #unchanged(claim: ModelClaim, name: string | null, body: string): Expected {
    this.model.remember(name, body, claim);
    return { code: 'ok', claim, changed: false, replayed: false };
  }

  #count(what: string, code: string, outcome: { readonly ok: boolean; readonly replayed?: boolean }): void {
    const count = `${what} ${code}${outcome.replayed === true ? ' replayed' : ''}`;
    this.codes.set(count, (this.codes.get(count) ?? 0) + 1);
  }

  #check(what: string, outcome: Outcome, expected: Expected, subject: ModelClaim | null): void {
    const code = outcome.ok ? 'ok' : outcome.code;
    const isUnchanged = outcome.ok && !outcome.changed && !outcome.replayed;
    this.#count(what, isUnchanged ? 'unchanged' : code, outcome);
    const claim = expected.claim ?? subject;
    if (code !== expected.code) {
      if (code !== expected.orGone) this.#fail(`${what} is answered with ${code}, expected ${expected.code}`);
      if (claim !== null) claim.isGone = true;
      return;
    }
    if (outcome.ok) {
      const { changed, replayed } = expected;
      if (outcome.changed !== changed) this.#fail(`${what} has changed: ${outcome.changed}`);
      if (outcome.replayed !== replayed) this.#fail(`${what} is replayed: ${outcome.replayed}`);
      if (expected.claim !== undefined && expected.claim !== null) {
        if (outcome.cell !== expected.claim.cell) this.#fail(`${what} is about another claim`);
        if (what !== 'release' || outcome.changed) this.#checkClaim(expected.claim);
      }
      return;
    }
    const { section, requested, available, held, limit, seats } = expected;
    const found = [
      outcome.section,
      outcome.requested,
      outcome.available,
      outcome.held,
      outcome.limit,
      outcome.seats,
    ];
    const wantedNumbers = [section, requested, available, held, limit, seats];
    if (JSON.stringify(found) !== JSON.stringify(wantedNumbers)) {
      this.#fail(
        `${what} is refused with ${JSON.stringify(found)}, expected ${JSON.stringify(wantedNumbers)}`,
      );
    }
  }

  #checkClaim(claim: ModelClaim): void {
    const copy = readClaim(this.view, claim.cell);
    if (copy === null) this.#fail('a claim is not there');
    const found = decodeClaim(copy);
    if (claim.mayHaveLostNote) this.#loseNote(claim);
    const text = (value: string): string => Buffer.from(value).toString('utf8');
    const flags =
      claim.adjacent === null ? 0 : claim.adjacent ? CLAIM_FLAG.best : CLAIM_FLAG.best | CLAIM_FLAG.split;
    const left = {
      state: found.state,
      random: [found.random0 >>> 0, found.random1 >>> 0, found.random2 >>> 0],
      items: found.items.map(({ seat, section, quantity }) => ({ seat, section, quantity })),
      prices: found.items.map(({ price }) => price),
      customer: found.customer,
      reference: found.reference,
      metadata: found.metadata,
      createdMs: found.createdMs,
      expiresMs: found.deadlineMs,
      updatedMs: found.updatedMs,
      sequence: found.sequence,
      flags: found.flags & ~CLAIM_FLAG.tail,
      tickets: Array.from({ length: found.ticketCount }, (_, ticket) => !isTicketCancelled(found, ticket)),
    };
    const right = {
      state: STATES[claim.state],
      random: [...claim.random],
      items: claim.items,
      prices: claim.items.map(({ section }) => LAYOUT[section].price),
      customer: text(claim.customer),
      reference: claim.reference === null ? null : text(claim.reference),
      metadata: claim.metadata === null ? null : text(claim.metadata),
      createdMs: claim.createdMs,
      expiresMs: claim.expiresMs,
      updatedMs: claim.updatedMs,
      sequence: claim.sequence,
      flags,
      tickets: claim.tickets,
    };
    if (JSON.stringify(left) !== JSON.stringify(right)) {
      this.#fail(`a claim reads\n${JSON.stringify(left)}, expected\n${JSON.stringify(right)}`);
    }
  }

  #checkAll(): void {
    const { model, view } = this;
    if ((readGuard(this.rig.arena, view.slot) & 1) === 1) this.#fail('the guard is odd');
    readCounts(view).forEach((counts, section) => {
      const expected = model.counts(section);
      if (JSON.stringify(counts) !== JSON.stringify(expected)) {
        this.#fail(
          `section ${section} counts ${JSON.stringify(counts)}, expected ${JSON.stringify(expected)}`,
        );
      }
    });
    model.seats.forEach((seat, index) => {
      const found = readSeat(view, index);
      const state = ['available', 'held', 'sold', 'blocked'][found.state];
      if (state !== seat.state) this.#fail(`seat ${index} is ${state}, expected ${seat.state}`);
      if (found.cell !== (seat.owner?.cell ?? -1)) this.#fail(`seat ${index} has another owner`);
      if (found.sequence !== seat.sequence) this.#fail(`seat ${index} has sequence ${found.sequence}`);
      if (seat.owner !== null && found.claim === null) this.#fail(`the owner of seat ${index} is not there`);
    });
  }

  /** Living claims are all there as they should be, and no cell is kept that is not theirs or their notes'. */
  checkClaims(): void {
    const { view } = this;
    const { findings } = auditArena(this.rig.arena);
    if (findings.length > 0) this.#fail(`the audit says: ${findings[0].message}`);
    let cells = 0;
    for (const claim of this.model.claims) {
      if (claim.state !== 'held' && claim.state !== 'confirmed') continue;
      this.#checkClaim(claim);
      const base = cellBase(view, claim.cell);
      cells += claimCells(view.words[base + CLAIM.state]);
      const tail = tailCell(view, claim.cell);
      if (tail >= 0) cells += claimCells(view.words[cellBase(view, tail)]);
      if (claim.reference === null && claim.metadata === null) continue;
      cells += claimCells(view.words[cellBase(view, view.words[base + CLAIM.note] - 1)]);
    }
    let live = 0;
    for (let cell = 0; cell < view.cellCount; cell++) {
      live += (view.words[view.live + (cell >>> 5)] >>> (cell & 31)) & 1;
    }
    if (live !== cells) this.#fail(`${live} cells are kept, living claims have ${cells}`);
  }

  /** Replays what the journal kept, from the start and from a snapshot after `share` of it. */
  checkReplay(share: number): void {
    const frames = this.rig.journal.frames();
    let sequence = 0;
    for (const { words: frame } of frames) {
      if (headerKind(frame[0]) === FRAME_KIND.padding || (frame[WORD_EVENT] & 0xffff) !== this.view.slot)
        continue;
      // A key alone carries the last one.
      if (headerKind(frame[0]) !== FRAME_KIND.remember) sequence++;
      if (wide(frame, WORD_SEQUENCE) !== sequence) this.#fail('sequences in the journal are not dense');
    }
    const limits = smallLimits();
    const replayed = createArena(limits);
    replayInto(replayed, frames);
    this.#same(replayed, 'replayed memory');
    const cut = Math.floor(frames.length * share);
    const half = createArena(limits);
    const first = replayInto(half, frames.slice(0, cut));
    const loaded = createArena(limits);
    const dumped = [...dumpArena(half)];
    const bytes = dumped.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    if (bytes !== dumpBytes(half)) this.#fail(`a dump of ${bytes} bytes was foretold as ${dumpBytes(half)}`);
    loadArena(loaded, dumped);
    const rest = new Replay(loaded);
    rest.startFromMemory(first.lastTimeMs);
    for (const { words: frame, position } of frames.slice(cut)) rest.apply(frame, 0, frame.length, position);
    this.#same(loaded, 'memory from a snapshot and the frames after it');
  }

  #same(other: ReturnType<typeof createArena>, what: string): void {
    const where = differences(this.rig.arena, other);
    if (where.length > 0) this.#fail(`${what} differs: ${where.join(', ')}`);
  }
}

t.test('the engine does what a naive model does, and its journal says all of it', (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const codes = new Map<string, number>();
  let commands = 0;
  const script = fc.oneof(
    fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }),
    fc.array(command, { minLength: 150, maxLength: 400, size: 'max' }),
  );
  fc.assert(
    fc.property(
      script,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 6, 20),
      (steps, share, limits) => {
        const run = new Run(limits, false);
        run.rig.journal.drain();
        for (const step of steps) run.step(step);
        run.checkClaims();
        run.checkReplay(share);
        for (const [code, count] of run.codes) codes.set(code, (codes.get(code) ?? 0) + count);
        commands += steps.length;
      },
    ),
    // A failure is told as it is: to shrink hundreds of commands takes minutes, and the seed finds it again.
    { seed, numRuns: isLong ? 2000 : 40, endOnFailure: true },
  );
  const seen = [...codes].map(([code, count]) => `${code} ${count}`);
  t.comment(`${commands} commands: ${seen.join(', ')}`);
  for (const code of [
    'hold ok',
    'hold ok replayed',
    'hold sold-out',
    'hold not-enough-available',
    'hold no-adjacent-seats',
    'hold seat-unavailable',
    'hold idempotency-mismatch',
    'order ok',
    'confirm ok',
    'confirm hold-expired',
    'confirm hold-released',
    'confirm order-cancelled',
    'release ok',
    'release hold-confirmed',
    'cancel ok',
    'cancel order-not-found',
    'hold customer-limit',
    'hold customer-hold-limit',
    'retake ok',
    'retake seat-unavailable',
    'change ok',
    'change ok replayed',
    'change invalid-request',
    'change seat-unavailable',
    'change hold-expired',
    'extend ok',
    'extend extend-limit',
    'block ok',
    'block seat-unavailable',
    'unblock ok',
    'unblock not-enough-available',
    'confirm unchanged',
    'release unchanged',
    'cancel unchanged',
    'extend unchanged',
    'block unchanged',
    'unblock unchanged',
    'confirm ok replayed',
    'release ok replayed',
    'cancel ok replayed',
    'extend ok replayed',
  ]) {
    t.ok(codes.has(code), `it came to ${code}`);
  }
  t.ok(
    codes.has('block ok replayed') || codes.has('unblock ok replayed'),
    'it came to blocks that are replayed',
  );
  t.end();
});

t.test(
  'cells that are used up refuse exactly what finds no room, and confirmations find the reserve',
  (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    const codes = new Map<string, number>();
    let reserved = 0;
    const script = fc.array(command, { minLength: 100, maxLength: 250, size: 'max' });
    const property = fc.property(script, (steps) => {
      const run = new Run(0, true);
      run.rig.journal.drain();
      for (const step of steps) run.step(step);
      run.checkClaims();
      run.checkReplay(0.5);
      for (const [code, count] of run.codes) codes.set(code, (codes.get(code) ?? 0) + count);
      reserved += run.reserved;
    });
    fc.assert(property, { seed, numRuns: isLong ? 1000 : 15, endOnFailure: true });
    for (const code of ['hold', 'order', 'change']) t.ok(codes.has(`${code} capacity-exhausted`), code);
    t.ok(reserved > 0, `${reserved} notes of confirmations found room in the reserve alone`);
    t.end();
  },
);
