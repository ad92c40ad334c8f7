/**
 * A worker's cache: parsed definitions, seat lookups and ready replies for public reads. Slow to forget, never
 * wrong: a reply counts only while the arena's guard still has the value at which it was made.
 *
 * A change is announced on a BroadcastChannel. A parked worker runs no message handlers and messages may come
 * late, so each batch first drains the channel. A bit per thread and event in the arena says that an announcement
 * is under way; while it is, further changes need none. The bit is cleared before the entry is evicted.
 *
 * Within one batch a reply counts whatever happens to the event meanwhile: all its requests were there before the first
 * of them was read for, so what was true then is an answer to each.
 */
import { receiveMessageOnPort, type BroadcastChannel, type MessagePort } from 'node:worker_threads';
import type { BatchReply } from '../core/batch.ts';
import type { BatchContext } from '../engine/command.ts';
import { parseDefinition, saleRules, SeatMap, type SaleRules } from '../engine/definition.ts';
import { raiseGate } from '../engine/look.ts';
import { readEvent } from '../engine/read.ts';
import { eventBase, type Arena } from '../memory/arena.ts';
import type { EventView } from '../memory/event.ts';
import { readGuard } from '../memory/guard.ts';
import { EVENT, THREAD } from '../memory/layout.ts';
import { eventGeneration, isLive, REGISTRY_SLOT } from '../memory/registry.ts';
import { threadBase, threadIndex, type ThreadBase } from '../memory/threads.ts';

/** What a worker keeps of events, by eventBytes(): the definitions of 60 halls of 20,000 seats, or of 20,000 clubs. */
const EVENT_BYTES_MAX = 64 * 1024 * 1024;
/** What an event takes when it is parsed, measured: for itself, for a byte of its JSON, for a seat. */
const BASE_BYTES = 2048;
const BYTES_PER_JSON_BYTE = 4;
const BYTES_PER_SEAT = 48;
/** Ready replies kept of an event. */
const REPLIES_MAX = 64;
/** Bodies of all ready replies of a worker, a character for a byte: some hundred seat maps of large halls. */
const REPLY_BYTES_MAX = 32 * 1024 * 1024;

interface MadeReply {
  readonly reply: BatchReply;
  /** What must be durable before it is told. */
  readonly position: number;
}

interface ReadyReply extends MadeReply {
  readonly guard: number;
}

/** What a worker knows of an event. */
export interface CachedEvent {
  readonly slot: number;
  readonly generation: number;
  readonly view: EventView;
  readonly map: SeatMap;
  readonly rules: SaleRules;
  readonly replies: Map<string, ReadyReply>;
  /** Where the event stood in the journal when its definition was read. */
  readonly position: number;
  /** Memory that it takes here without its replies, about. */
  readonly bytes: number;
}

export interface CacheBounds {
  readonly replyBytes: number;
  readonly eventBytes: number;
}

const BOUNDS: CacheBounds = { replyBytes: REPLY_BYTES_MAX, eventBytes: EVENT_BYTES_MAX };

export class WorkerCache {
  readonly #context: BatchContext;
  readonly #arena: Arena;
  readonly #thread: ThreadBase;
  readonly #bit: number;
  readonly #bitWord: number;
  readonly #channel: BroadcastChannel;
  readonly #bounds: CacheBounds;
  /** In order of use, least recent first. */
  readonly #events = new Map<number, CachedEvent>();
  /** The last in that order. */
  #latest: CachedEvent | null = null;
  /** Bodies of ready replies. */
  #replyBytes = 0;
  /** All events known. */
  #eventBytes = 0;
  /** Made for the batch at hand, by name: it is of one event. */
  readonly #made = new Map<string, MadeReply>();

  constructor(context: BatchContext, channel: BroadcastChannel, bounds: Partial<CacheBounds> = {}) {
    const { arena, thread } = context;
    this.#context = context;
    this.#arena = arena;
    this.#thread = thread;
    this.#channel = channel;
    this.#bounds = { ...BOUNDS, ...bounds };
    const index = threadIndex(arena, thread);
    this.#bit = 1 << (index & 31);
    this.#bitWord = index >>> 5;
    // A thread that had this slot before may have died with announcements outstanding.
    for (let slot = 0; slot <= arena.limits.eventsMax; slot++) this.#clearBit(slot);
  }

  #clearBit(slot: number): void {
    const word = eventBase(this.#arena, slot) + EVENT.announce + this.#bitWord;
    // Pairs with the or in announce(): whoever changes the event from here on announces again.
    Atomics.and(this.#arena.words, word, ~this.#bit);
  }

  #count(counter: number): void {
    Atomics.add(this.#arena.words, this.#thread + counter, 1);
  }

  /** Begins a batch: takes in what others announced. */
  drain(): void {
    this.#made.clear();
    for (;;) {
      // Node's declaration knows ports only; a BroadcastChannel is documented to do as well.
      const received = receiveMessageOnPort(this.#channel as unknown as MessagePort);
      if (received === undefined) return;
      if (typeof received.message !== 'number') continue;
      this.#clearBit(received.message);
      this.#evict(received.message);
    }
  }

  /** Forgets the ready replies of an event that has changed; its definition too when that is another. */
  #evict(slot: number): void {
    const event = this.#events.get(slot);
    if (event === undefined) return;
    this.#forgetReplies(event);
    if (!this.isCurrent(event)) this.#forget(slot);
  }

  #forgetReplies({ replies }: CachedEvent): void {
    for (const { reply } of replies.values()) this.#dropped(reply);
    replies.clear();
  }

  /** A ready reply is one no more. */
  #dropped(reply: BatchReply): void {
    this.#replyBytes -= reply.body.length;
    this.#count(THREAD.cacheEvictions);
  }

  #forget(slot: number): void {
    const event = this.#events.get(slot);
    if (event === undefined) return;
    this.#forgetReplies(event);
    this.#eventBytes -= event.bytes;
    this.#events.delete(slot);
    if (this.#latest === event) this.#latest = null;
  }

  /**
   * Whether an event is still what was known of it: the same definition, in the same place. True for as long as it is
   * said under the event's mutex; else a moment ago.
   */
  isCurrent(event: CachedEvent): boolean {
    const { words } = this.#arena;
    const base = eventBase(this.#arena, event.slot);
    return (
      isLive(this.#arena, event.slot) &&
      eventGeneration(this.#arena, event.slot) === event.generation &&
      Atomics.load(words, base + EVENT.version) === event.view.version &&
      Atomics.load(words, base + EVENT.firstPage) === event.view.firstPage
    );
  }

  /**
   * This worker has changed an event: tells the others, unless one of them has not heard the last announcement yet.
   * Then the next one will do: else a worker that is idle for long would find a message for each batch of the others.
   */
  announce(slot: number): void {
    this.#evict(slot);
    const { words } = this.#arena;
    const first = eventBase(this.#arena, slot) + EVENT.announce;
    const masks = this.#otherThreads();
    if (masks.every((mask) => mask === 0)) return;
    // Pairs with the and in #clearBit(). Two that announce at once may both find no bit: one message more, no harm.
    if (masks.some((mask, word) => (Atomics.load(words, first + word) & mask) !== 0)) return;
    masks.forEach((mask, word) => Atomics.or(words, first + word, mask));
    this.#count(THREAD.announcements);
    this.#channel.postMessage(slot);
  }

  /** A bit for each living thread but this one. */
  #otherThreads(): [number, number, number] {
    const masks: [number, number, number] = [0, 0, 0];
    for (let index = 0; index < this.#arena.geometry.threadsMax; index++) {
      const thread = threadBase(this.#arena, index);
      if (thread === this.#thread) continue;
      if (Atomics.load(this.#arena.words, thread + THREAD.threadId) === 0) continue;
      masks[index >>> 5] |= 1 << (index & 31);
    }
    return masks;
  }

  /**
   * The event in a slot; null when there is none, or only what is left of an archived one. Who holds the event's mutex
   * may call this: nobody changes it then, so nothing is waited for.
   */
  event(slot: number): CachedEvent | null {
    const known = this.#events.get(slot);
    if (known !== undefined && this.isCurrent(known)) {
      if (known !== this.#latest) {
        this.#events.delete(slot);
        this.#events.set(slot, known);
        this.#latest = known;
      }
      raiseGate(this.#context, known.position);
      return known;
    }
    this.#forget(slot);
    if (slot === REGISTRY_SLOT) return null;
    // What was made from an older definition would hide behind the gate of this one.
    this.#made.clear();
    const found = readEvent(this.#context, slot);
    if (found === null) return null;
    const { view, json, position } = found;
    const definition = parseDefinition(json);
    const event = {
      slot,
      generation: view.generation,
      view,
      map: new SeatMap(definition),
      rules: saleRules(definition),
      replies: new Map<string, ReadyReply>(),
      position,
      bytes: eventBytes(view, json),
    };
    this.#events.set(slot, event);
    this.#eventBytes += event.bytes;
    this.#latest = event;
    for (const oldest of this.#events.keys()) {
      // The one that is asked for stays, whatever its size.
      if (this.#eventBytes <= this.#bounds.eventBytes || oldest === slot) break;
      this.#forget(oldest);
      this.#count(THREAD.cacheEvictions);
    }
    return event;
  }

  /** A ready reply that is still true, or was made for this batch; or null. Counts a hit or a miss. */
  ready(event: CachedEvent, name: string): BatchReply | null {
    const ready = event.replies.get(name);
    // Even and unchanged since the reply was made: nothing has happened to the event.
    const isTrue = ready !== undefined && ready.guard === readGuard(this.#arena, event.slot);
    const found = isTrue ? ready : this.#made.get(name);
    this.#count(found === undefined ? THREAD.cacheMisses : THREAD.cacheHits);
    if (found === undefined) return null;
    raiseGate(this.#context, found.position);
    return found.reply;
  }

  /**
   * Keeps a reply: for the rest of the batch, and for longer if it was read while the guard was even and had this value
   * from before to after.
   */
  keep(event: CachedEvent, name: string, guard: number, made: MadeReply): void {
    this.#made.set(name, made);
    if ((guard & 1) === 1 || readGuard(this.#arena, event.slot) !== guard) return;
    if (this.#events.get(event.slot) !== event) return;
    const { replies } = event;
    const { reply, position } = made;
    const before = replies.get(name);
    if (before !== undefined) this.#replyBytes -= before.reply.body.length;
    else if (replies.size >= REPLIES_MAX) this.#dropOldest(replies);
    replies.set(name, { guard, reply, position });
    this.#replyBytes += reply.body.length;
    for (const each of this.#events.values()) {
      if (this.#replyBytes <= this.#bounds.replyBytes) return;
      this.#forgetReplies(each);
    }
  }

  #dropOldest(replies: Map<string, ReadyReply>): void {
    const [[name, { reply }]] = replies;
    replies.delete(name);
    this.#dropped(reply);
  }
}

function eventBytes(view: EventView, json: Uint8Array): number {
  return BASE_BYTES + json.length * BYTES_PER_JSON_BYTE + view.seatCount * BYTES_PER_SEAT;
}
