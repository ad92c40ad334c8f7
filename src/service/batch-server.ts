/**
 * Serves one batch on a worker: bytes in, bytes out. The way of a writing batch:
 *
 *   prepare all (parse, validate) → mutex, run one, copy what it left, release → next → … → wake the journal → render
 *
 * The mutex is given up after each command, so that nobody waits for a whole batch. In between the event may change;
 * then the rest is prepared anew.
 *
 * A fault is thrown: the supervisor then ends this worker and repairs what it held. Nothing is caught here.
 */
import type { BroadcastChannel } from 'node:worker_threads';
import { unreachable } from '../core/assert.ts';
import {
  BATCH_KIND,
  FACT_UNCHANGED,
  type BatchHeader,
  type BatchReply,
  type BatchRequest,
} from '../core/batch.ts';
import { parseClaimId } from '../core/ids.ts';
import { SWEEP_MAX } from '../core/limits.ts';
import { BLOCK, CREATE_EVENT, CREATE_HOLD, CREATE_ORDER, PATCH_EVENT, UNBLOCK } from '../core/operations.ts';
import { encodeReplies } from '../core/reply-codec.ts';
import { decodeRequestHeader, decodeRequests } from '../core/request-codec.ts';
import type { BatchContext } from '../engine/command.ts';
import { acquire, inWindow, lookAt, release, underMutex } from '../engine/look.ts';
import { decodeClaim, readClaim, readConsistent, type Claim } from '../engine/read.ts';
import { reclaim } from '../engine/patch.ts';
import { sweep } from '../engine/settle.ts';
import type { Arena } from '../memory/arena.ts';
import { nextDeadline } from '../memory/deadlines.ts';
import { loadPosition } from '../memory/guard.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { eventState, REGISTRY_SLOT } from '../memory/registry.ts';
import { loadDurable } from '../memory/ring.ts';
import { wakeJournal, type ThreadBase } from '../memory/threads.ts';
import { answerUnchangedBlock, prepareBlock } from './block-requests.ts';
import { WorkerCache, type CachedEvent } from './cache.ts';
import { claimReply } from './claim-replies.ts';
import { prepareClaim } from './claim-requests.ts';
import { answerEvent, defineReply, prepareDefine, runDefine } from './define-request.ts';
import { runPatch } from './event-requests.ts';
import { answered, type Prepared, type Render } from './prepared.ts';
import { notFoundReply, type ReadDeps } from './read-result.ts';
import { serveRead } from './read-requests.ts';
import { problemReply } from './replies.ts';

/** Whether a claim is the one that a request's target names, where it names one. */
function isClaimOf(request: BatchRequest, claim: Claim): boolean {
  const kind = request.subject.startsWith('hold_') ? 'hold' : 'order';
  const ref = parseClaimId(kind, request.subject);
  return ref === null || (ref.random0 === claim.random0 >>> 0 && ref.random1 === claim.random1 >>> 0);
}

function prepareAll(event: CachedEvent, requests: readonly BatchRequest[]): Prepared[] {
  return requests.map((request) => {
    const isBlock = request.operation === BLOCK.code || request.operation === UNBLOCK.code;
    const prepared = isBlock ? prepareBlock(event, request) : prepareClaim(event, request);
    return prepared ?? answered(problemReply('not-found', request.requestId));
  });
}

interface BatchResult {
  readonly replies: readonly BatchReply[];
  readonly nextDeadlineMs: number;
  readonly expired: number;
  readonly moreDue: boolean;
  readonly retired: boolean;
}

/** How far a writing batch has come. */
interface WriteRun {
  /** Of the requests that were served, in order; what is to be rendered is rendered when the mutex is free. */
  readonly replies: (BatchReply | Render)[];
  nextDeadlineMs: number;
  /** There is a frame for the journal: of a change, or a key alone. */
  published: boolean;
}

/** A result that says nothing but its replies. */
const NOTHING: BatchResult = {
  replies: [],
  nextDeadlineMs: Infinity,
  expired: 0,
  moreDue: false,
  retired: false,
};

/** How often requests are prepared before the mutex is taken; after that they are prepared under it, and all run. */
const PREPARE_TRIES = 3;
/** Claims that expire under one taking of the mutex. */
const SWEEP_PER_HOLD = 8;
const ETAG_CHARS = 8;

export class BatchServer {
  readonly #arena: Arena;
  readonly #context: BatchContext;
  readonly #cache: WorkerCache;
  readonly #deps: ReadDeps;

  constructor(arena: Arena, thread: ThreadBase, channel: BroadcastChannel, incarnation: string) {
    this.#arena = arena;
    this.#context = { arena, thread, batchId: 0, commandIndex: 0, nowMs: 0, nearPosition: 0, gate: 0 };
    this.#cache = new WorkerCache(this.#context, channel);
    this.#deps = {
      context: this.#context,
      cache: this.#cache,
      incarnation: incarnation.slice(0, ETAG_CHARS),
    };
  }

  serve(batch: ArrayBuffer): ArrayBuffer {
    const header = decodeRequestHeader(batch);
    const context = this.#context;
    context.batchId = header.batchId;
    context.nowMs = header.nowMs;
    context.nearPosition = loadDurable(this.#arena);
    context.gate = 0;
    this.#cache.drain();
    const requests = decodeRequests(batch);
    const { replies, ...result } = this.#serveKind(header, requests);
    // After the last look of all.
    return encodeReplies({ batchId: header.batchId, gate: context.gate, ...result }, requests, replies);
  }

  #serveKind(header: BatchHeader, requests: readonly BatchRequest[]): BatchResult {
    const { kind, eventSlot: slot } = header;
    switch (kind) {
      case BATCH_KIND.write:
        return slot === REGISTRY_SLOT
          ? this.#define(requests, header.reclaim === true)
          : this.#write(slot, requests);
      case BATCH_KIND.read:
        return this.#read(slot, requests);
      case BATCH_KIND.expire:
        return this.#expire(slot, header.expireBeforeMs);
      case BATCH_KIND.answer:
        return this.#answer(slot, requests);
      default:
        return unreachable(kind);
    }
  }

  #write(slot: number, requests: readonly BatchRequest[]): BatchResult {
    const run: WriteRun = { replies: [], nextDeadlineMs: Infinity, published: false };
    for (let tries = 1; run.replies.length < requests.length; tries++) {
      const rest = requests.slice(run.replies.length);
      const event = this.#cache.event(slot);
      if (event === null) this.#writeNowhere(slot, rest, run);
      else if (tries <= PREPARE_TRIES) this.#runPrepared(event, prepareAll(event, rest), run);
      else this.#runWhole(slot, rest, run);
    }
    if (run.published) {
      wakeJournal(this.#arena);
      this.#cache.announce(slot);
    }
    const replies = run.replies.map((reply) => (typeof reply === 'function' ? reply() : reply));
    return { ...NOTHING, replies, nextDeadlineMs: run.nextDeadlineMs };
  }

  /** Takes the mutex for each step, for as long as the event is what they were prepared for. */
  #runPrepared(event: CachedEvent, prepared: readonly Prepared[], run: WriteRun): void {
    let isCurrent = true;
    for (let i = 0; i < prepared.length && isCurrent; i++) {
      acquire(this.#context, event.slot);
      isCurrent = this.#cache.isCurrent(event);
      if (isCurrent) this.#runHeld(event, prepared[i], run);
      release(this.#context, event.slot);
    }
  }

  /** The event has changed each time its requests were prepared. Under the mutex it cannot, at the cost of who waits. */
  #runWhole(slot: number, requests: readonly BatchRequest[], run: WriteRun): void {
    acquire(this.#context, slot);
    const event = this.#cache.event(slot);
    if (event !== null) for (const step of prepareAll(event, requests)) this.#runHeld(event, step, run);
    release(this.#context, slot);
  }

  /** Runs a step of an event whose mutex is held. */
  #runHeld({ slot, view }: CachedEvent, step: Prepared, run: WriteRun): void {
    const before = loadPosition(this.#arena, slot);
    this.#context.commandIndex = run.replies.length;
    run.replies.push(step.kind === 'command' ? step.run(this.#context) : step.reply);
    if (loadPosition(this.#arena, slot) !== before) run.published = true;
    run.nextDeadlineMs = nextDeadline(view);
  }

  /** Writes of an event that is not there, or is archived. */
  #writeNowhere(slot: number, requests: readonly BatchRequest[], run: WriteRun): void {
    const state = inWindow(this.#context, slot, () => eventState(this.#arena, slot));
    const isArchived = state === EVENT_STATE.archived;
    for (const request of requests) {
      const { operation, subject, requestId } = request;
      const isNewClaim = operation === CREATE_HOLD.code || operation === CREATE_ORDER.code;
      const reply =
        isArchived && isNewClaim
          ? problemReply('sale-closed', requestId, { detail: `Event ${subject} is archived` })
          : notFoundReply(this.#deps, request);
      run.replies.push(reply);
    }
    run.nextDeadlineMs = Infinity;
  }

  /** A batch of the registry: events made, changed and archived, one after the other. */
  #define(requests: readonly BatchRequest[], isReclaim: boolean): BatchResult {
    const context = this.#context;
    if (isReclaim) underMutex(context, REGISTRY_SLOT, () => reclaim(context));
    let retired = false;
    const replies = requests.map((request, i) => {
      context.commandIndex = i;
      if (request.operation === CREATE_EVENT.code) return this.#create(request);
      if (request.operation !== PATCH_EVENT.code) return serveRead(this.#deps, REGISTRY_SLOT, request);
      const result = runPatch(this.#deps, request);
      if (result.changed) this.#cache.announce(result.slot);
      if (result.retired) retired = true;
      return result.reply;
    });
    wakeJournal(this.#arena);
    return { ...NOTHING, replies, retired };
  }

  #create(request: BatchRequest): BatchReply {
    const context = this.#context;
    const step = prepareDefine(request);
    if (step.kind === 'reply') return step.reply;
    const run = underMutex(context, REGISTRY_SLOT, () => runDefine(context, step));
    return defineReply(this.#deps, request, run);
  }

  #read(slot: number, requests: readonly BatchRequest[]): BatchResult {
    // And nothing else: of a batch that shows one sequence the gate says where that ends (dispatch/ready-reads.ts).
    return { ...NOTHING, replies: requests.map((request) => serveRead(this.#deps, slot, request)) };
  }

  #expire(slot: number, beforeMs: number): BatchResult {
    let expired = 0;
    let nextDeadlineMs = Infinity;
    let isMore = true;
    while (isMore && expired < SWEEP_MAX) {
      acquire(this.#context, slot);
      const event = this.#cache.event(slot);
      const count = event === null ? 0 : sweep(this.#context, event.view, beforeMs, SWEEP_PER_HOLD);
      nextDeadlineMs = event === null ? Infinity : nextDeadline(event.view);
      release(this.#context, slot);
      expired += count;
      isMore = count === SWEEP_PER_HOLD;
    }
    if (expired > 0) {
      wakeJournal(this.#arena);
      this.#cache.announce(slot);
    }
    return { ...NOTHING, nextDeadlineMs, expired, moreDue: isMore };
  }

  /** Replies for commands that a lost worker had published: from what they made, as it is now. */
  #answer(slot: number, requests: readonly BatchRequest[]): BatchResult {
    // Even a reply that shows nothing tells that the command has happened.
    lookAt(this.#context, slot);
    const replies = requests.map((lost) => {
      const isUnchanged = lost.fact >= FACT_UNCHANGED;
      const request = isUnchanged ? { ...lost, fact: lost.fact - FACT_UNCHANGED } : lost;
      if (slot === REGISTRY_SLOT) return answerEvent(this.#deps, request);
      return this.#answerClaim(slot, request, isUnchanged);
    });
    return { ...NOTHING, replies };
  }

  #answerClaim(slot: number, request: BatchRequest, isUnchanged: boolean): BatchReply {
    const context = this.#context;
    const event = this.#cache.event(slot);
    const isAboutClaim = request.operation !== BLOCK.code && request.operation !== UNBLOCK.code;
    const block =
      event !== null && !isAboutClaim && isUnchanged
        ? answerUnchangedBlock(this.#deps, event, request)
        : null;
    if (block !== null) return block;
    const copy =
      event === null || !isAboutClaim
        ? null
        : readConsistent(context, event.view, (view) => readClaim(view, request.fact)).value;
    const claim = copy === null ? null : decodeClaim(copy);
    // Its cells may have been taken by a later command of the same batch; another's claim is never told.
    if (event === null || claim === null || !isClaimOf(request, claim)) {
      return problemReply('outcome-unknown', request.requestId, { applied: true });
    }
    const isNew = request.operation === CREATE_HOLD.code || request.operation === CREATE_ORDER.code;
    const cost = isNew ? claim.ticketCount : 0;
    return claimReply(context, event, request, claim, !isUnchanged, false, cost);
  }
}
