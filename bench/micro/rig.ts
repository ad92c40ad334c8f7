/**
 * An engine without anything around it: an arena, one event, this thread as its worker, and a ring that is emptied
 * on this thread between timed stretches, as the journal thread would beside them.
 */
import { assert } from '../../src/core/assert.ts';
import type { CellIndex, EventSlot } from '../../src/core/ids.ts';
import type { Limits } from '../../src/core/limits.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import type { BatchContext } from '../../src/engine/command.ts';
import { define } from '../../src/engine/define.ts';
import { parseDefinition, saleRules } from '../../src/engine/definition.ts';
import type { SaleRules } from '../../src/engine/definition.ts';
import { take } from '../../src/engine/hold.ts';
import type { TakeCommand, WantedItem } from '../../src/engine/hold.ts';
import { release } from '../../src/engine/settle.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { createArena, loadWide } from '../../src/memory/arena.ts';
import type { Arena } from '../../src/memory/arena.ts';
import { cellBase, viewEvent } from '../../src/memory/event.ts';
import type { EventView } from '../../src/memory/event.ts';
import { CLAIM, EVENT } from '../../src/memory/layout.ts';
import type { KeyHash } from '../../src/memory/keys.ts';
import { acquireMutex, releaseMutex } from '../../src/memory/mutex.ts';
import {
  positionUnit,
  publishedUnits,
  releaseRing,
  ringChunks,
  setReleasable,
  startRing,
  storeDurable,
} from '../../src/memory/ring.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';

const MIB = 1024 * 1024;
/** Commands under one taking of the mutex, as in a batch. */
export const BATCH = 32;
const START_MS = 1_800_000_000_000;
const DURATION_MS = 3_600_000;

export interface RigOptions {
  readonly floorPlaces: number;
  readonly rows: number;
  readonly rowSeats: number;
  readonly seed: number;
  /** 64 MiB if not given: more than a stretch of commands fills. */
  readonly ringBytes?: number;
}

/** Limits with room for an event of so many places. */
export function limitsFor(places: number): Limits {
  return {
    ...DEFAULT_LIMITS,
    eventsMax: 8,
    ringBytes: 64 * MIB,
    arenaBytes: Math.max(192, Math.ceil((places * 400) / MIB) + 160) * MIB,
  };
}

export class Rig {
  readonly limits: Limits;
  readonly arena: Arena;
  readonly context: BatchContext;
  readonly view: EventView;
  readonly random: SeededRandom;
  /** Frames that were published, when they are kept. */
  readonly kept: Int32Array[] = [];
  keepFrames = false;
  #position = 0;
  readonly #customer = Buffer.from('customer-0000001');
  #keys = 0;
  readonly #rules: SaleRules;

  constructor(options: RigOptions) {
    const { floorPlaces, rows, rowSeats, seed } = options;
    const { ringBytes, ...limits } = limitsFor(floorPlaces + rows * rowSeats);
    this.limits = { ...limits, ringBytes: options.ringBytes ?? ringBytes };
    this.arena = createArena(this.limits);
    this.random = new SeededRandom(seed);
    startRing(this.arena, 0);
    const thread = takeThreadSlot(this.arena, 1);
    this.context = {
      arena: this.arena,
      thread,
      batchId: 1,
      commandIndex: 0,
      nowMs: START_MS,
      nearPosition: 0,
      gate: 0,
    };
    this.keepFrames = true;
    this.#rules = this.#define(floorPlaces, rows, rowSeats);
    this.keepFrames = false;
    this.view = viewEvent(this.arena, 1);
  }

  #define(floorPlaces: number, rows: number, rowSeats: number): SaleRules {
    const row = (_: unknown, index: number): object => ({ id: `R${index + 1}`, seats: [`1..${rowSeats}`] });
    const seats = rows * rowSeats;
    const stalls = {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      capacity: seats,
      price: 9000,
      rows: Array.from({ length: rows }, row),
    };
    const definition = {
      id: 'bench',
      name: 'Bench',
      state: 'open',
      startsAt: '2030-01-01T00:00:00Z',
      timeZone: 'UTC',
      currency: 'EUR',
      limits: { holdSeconds: 600, maxHoldSeconds: 3600, ticketsPerHold: 100 },
      sections: [
        { id: 'floor', name: 'Floor', kind: 'general', capacity: floorPlaces, price: 4500 },
        ...(seats > 0 ? [stalls] : []),
      ],
    };
    const json = Buffer.from(JSON.stringify(definition));

    acquireMutex(this.arena, this.context.thread, 0);
    const outcome = define(this.context, { definition: parseDefinition(json), json, key: null });
    releaseMutex(this.arena, this.context.thread);
    assert(outcome.ok, 'the bench event is defined');
    this.drain();
    return saleRules(parseDefinition(json));
  }

  /** A command as a worker prepares it, all but its items the same. */
  command(kind: 'hold' | 'order', items: readonly WantedItem[], withKey: boolean): TakeCommand {
    const random = Uint32Array.of(this.random.next() || 1, this.random.next(), this.random.next());
    const key = withKey ? this.#freshKey() : null;
    return {
      kind,
      items,
      customer: this.#customer,
      note: null,
      durationMs: DURATION_MS,
      receivedAtMs: START_MS,
      expectTotal: null,
      rules: this.#rules,
      random,
      key,
    };
  }

  #freshKey(): KeyHash {
    this.#keys++;
    const { random } = this;
    return {
      hash0: this.#keys,
      hash1: random.next() | 0,
      hash2: random.next() | 0,
      body0: random.next() | 0,
      body1: random.next() | 0,
      share: 1,
    };
  }

  /** Runs the commands in batches; cells of the claims they made go into `cells`. Nothing else happens here. */
  run(commands: readonly TakeCommand[], cells: number[]): void {
    const { arena, context, view } = this;
    for (let at = 0; at < commands.length; at += BATCH) {
      const end = Math.min(commands.length, at + BATCH);
      acquireMutex(arena, context.thread, view.slot);
      for (let index = at; index < end; index++) {
        context.commandIndex = index - at;
        const outcome = take(context, view, commands[index]);
        assert(outcome.ok, 'there is room for what the bench asks');
        cells.push(outcome.cell);
      }
      releaseMutex(arena, context.thread);
    }
  }

  /** Gives holds back. */
  release(cells: readonly number[]): void {
    const { arena, context, view } = this;
    const { words } = arena;
    acquireMutex(arena, context.thread, view.slot);
    for (const cell of cells) {
      const base = cellBase(view, cell);
      const ref = {
        slot: view.slot as EventSlot,
        generation: view.generation,
        cell: cell as CellIndex,
        random0: words[base + CLAIM.random0],
        random1: words[base + CLAIM.random1],
        random2: words[base + CLAIM.random2],
      };
      const outcome = release(context, view, { ref, receivedAtMs: context.nowMs, key: null });
      assert(outcome.ok, 'a live hold is released');
    }
    releaseMutex(arena, context.thread);
  }

  /** Empties the ring as the journal thread does, without a disk. */
  drain(): void {
    const { arena } = this;
    for (;;) {
      const tail = positionUnit(this.#position);
      const units = publishedUnits(arena, tail, 512 * 1024);
      if (units === 0) break;
      if (this.keepFrames)
        for (const chunk of ringChunks(arena, tail, units)) this.kept.push(copyWords(chunk));
      this.#position += units * 8;
      storeDurable(arena, this.#position);
      setReleasable(arena, positionUnit(this.#position));
      releaseRing(arena, positionUnit(this.#position));
    }
    this.context.nearPosition = this.#position;
  }

  get position(): number {
    return this.#position;
  }

  get sequence(): number {
    return loadWide(this.arena.words, this.view.base + EVENT.sequenceLow);
  }
}

function copyWords(chunk: Uint8Array): Int32Array {
  return new Int32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4).slice();
}

/** Places on the floor, one item. */
export function floorItem(quantity: number): WantedItem {
  return { kind: 'places', section: 0, quantity, adjacent: false, type: 0, priceWord: 4501 };
}

/** A seat of the stalls. */
export function seatItem(seat: number): WantedItem {
  return { kind: 'seat', seat, section: 1, type: 0, priceWord: 9001 };
}
