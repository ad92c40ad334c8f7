/**
 * Byte credit: before a writing batch leaves, room for every frame it may publish is set aside, in the ring and
 * on disk. So a full ring under a mutex cannot happen, and a full disk is refused before anything has changed.
 * Main thread; counted here alone.
 *
 *   ring:  | used: released … head | set aside for batches under way | free | reserve |
 *   disk:  | what the journal may still take − set aside, until it is durable | free | reserve |
 *
 * A batch's frames are counted twice while it is under way (in `used` as they come, and set aside): that errs to the
 * safe side, and no moment can be found at which they are not counted at all. The reserve is for commands that give
 * places back, and for sweeps.
 */
import { assert } from '../core/assert.ts';
import {
  BLOCK_FRAME_BYTES_MAX,
  CHANGE_FRAME_BYTES_MAX,
  COMMAND_FRAME_BYTES_MAX,
  SWEEP_MAX,
} from '../core/limits.ts';
import { BLOCK, CHANGE_HOLD, CREATE_EVENT, PATCH_EVENT, UNBLOCK } from '../core/operations.ts';
import type { Arena } from '../memory/arena.ts';
import { positionUnit, ringHead, ringUsedUnits } from '../memory/ring.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { Pending } from './flight.ts';

/** What a frame in a group of its own costs beside its bytes, at most: the group's header, and the rest of its last block. */
const GROUP_MORE_BYTES = 64 + 4096;
const RESERVE_SHARE = 16;

export interface Need {
  readonly ringBytes: number;
  readonly diskBytes: number;
}

export const NO_NEED: Need = { ringBytes: 0, diskBytes: 0 };

interface Undurable {
  readonly unit: number;
  readonly diskBytes: number;
}

export class Credit {
  readonly #arena: Arena;
  readonly #diskRoom: () => number;
  readonly #ringSize: number;
  readonly #ringReserve: number;
  readonly #diskReserve: number;
  readonly #frameMax: number;
  /** A sweep publishes a frame for each hold. */
  readonly sweepNeed: Need;
  /** Set aside for batches under way. */
  #ringHeld = 0;
  #diskHeld = 0;
  /** Returned batches whose frames may not be on disk yet, in the order of their ring units. */
  readonly #undurable = new FifoQueue<Undurable>();

  constructor(arena: Arena, diskRoom: () => number) {
    this.#arena = arena;
    this.#diskRoom = diskRoom;
    this.#ringSize = arena.geometry.ringUnits * 8;
    this.#ringReserve = Math.floor(this.#ringSize / RESERVE_SHARE);
    const sweepBytes = SWEEP_MAX * COMMAND_FRAME_BYTES_MAX;
    this.sweepNeed = {
      ringBytes: this.ringNeed(sweepBytes, COMMAND_FRAME_BYTES_MAX),
      diskBytes: this.diskNeed(sweepBytes, SWEEP_MAX, COMMAND_FRAME_BYTES_MAX),
    };
    // At least two sweeps: with less, a full disk would keep holds from ever running out.
    this.#diskReserve = Math.max(
      this.sweepNeed.diskBytes * 2,
      Math.floor(arena.limits.segmentBytes / RESERVE_SHARE),
    );
    // A frame takes at most a quarter of ring and segment; the engine refuses a definition that would take more.
    this.#frameMax = Math.floor(Math.min(this.#ringSize, arena.limits.segmentBytes) / 4);
  }

  /** The largest frame that a command may publish, bytes. */
  frameBound({ operation, bodyBytes }: Pick<Pending, 'operation' | 'bodyBytes'>): number {
    switch (operation) {
      case CREATE_EVENT:
        // The frame holds the definition normalised, with every row and seat written out.
        return Math.min(this.#frameMax, bodyBytes * 4 + 8192);
      case PATCH_EVENT:
        // It holds the whole definition, whatever of it was changed; how large that is main does not know.
        return this.#frameMax;
      case CHANGE_HOLD:
        return CHANGE_FRAME_BYTES_MAX;
      case BLOCK:
      case UNBLOCK:
        return BLOCK_FRAME_BYTES_MAX;
      default:
        return COMMAND_FRAME_BYTES_MAX;
    }
  }

  /**
   * What a batch needs whose frames take `frameSum` bytes at most. The largest counts twice: padding at the ring's
   * end may be as long as it, and a batch is shorter than the ring, so it meets that end once.
   */
  ringNeed(frameSum: number, largest: number): number {
    return frameSum + largest;
  }

  /** Each frame may come to be a group of its own. */
  diskNeed(frameSum: number, count: number, largest: number): number {
    return frameSum + largest + (count + 1) * GROUP_MORE_BYTES;
  }

  ringRoom(withReserve: boolean): number {
    const room = this.#ringSize - ringUsedUnits(this.#arena) * 8 - this.#ringHeld;
    return withReserve ? room : room - this.#ringReserve;
  }

  diskRoom(withReserve: boolean): number {
    const room = this.#diskRoom() - this.#diskHeld;
    return withReserve ? room : room - this.#diskReserve;
  }

  /** Whether waiting will not help: not even with everything durable that is under way would this fit on disk. */
  isDiskShort(diskBytes: number, withReserve: boolean): boolean {
    return this.#diskRoom() - (withReserve ? 0 : this.#diskReserve) < diskBytes;
  }

  /** Whether the disk has no room left for one more command. */
  isDiskFull(): boolean {
    return this.isDiskShort(this.diskNeed(COMMAND_FRAME_BYTES_MAX, 1, COMMAND_FRAME_BYTES_MAX), false);
  }

  hold(need: Need): void {
    // Who needs none may come while frames that are counted twice leave less than nothing.
    const fits = need.ringBytes === 0 || need.ringBytes <= this.ringRoom(true);
    assert(fits, 'no more ring is set aside than there is');
    this.#ringHeld += need.ringBytes;
    this.#diskHeld += need.diskBytes;
  }

  /** The batch has returned or is repaired: its frames lie before the ring's head now. */
  giveBack(need: Need): void {
    this.#ringHeld -= need.ringBytes;
    assert(this.#ringHeld >= 0, 'what is given back was set aside');
    if (need.diskBytes > 0) this.#undurable.push({ unit: ringHead(this.#arena), diskBytes: need.diskBytes });
  }

  /** What is durable is in diskRoom() already, so it need not be set aside any more. */
  onDurable(position: number): void {
    const durable = positionUnit(position);
    for (let next = this.#undurable.peek(); next !== undefined; next = this.#undurable.peek()) {
      if (((durable - next.unit) | 0) < 0) return;
      this.#undurable.shift();
      this.#diskHeld -= next.diskBytes;
      assert(this.#diskHeld >= 0, 'what is given back was set aside');
    }
  }
}
