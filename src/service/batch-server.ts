/**
 * Serves one batch on a worker: bytes in, bytes out. The way of a writing batch:
 *
 *   prepare all (parse, validate) → mutex → run all → copy what they left → release → wake the journal → render
 *
 * A fault is thrown: the supervisor then ends this worker and repairs what it held. Nothing is caught here.
 */
import type { BroadcastChannel } from 'node:worker_threads';
import {
  BATCH_KIND,
  decodeRequestHeader,
  decodeRequests,
  encodeReplies,
  type BatchReply,
  type BatchRequest,
} from '../core/batch.ts';
import { unreachable } from '../core/assert.ts';
import { parseClaimId } from '../core/ids.ts';
import { SWEEP_MAX } from '../core/limits.ts';
import { CREATE_EVENT } from '../core/operations.ts';
import type { BatchContext } from '../engine/command.ts';
import { decodeClaim, readClaim, readConsistent, type Claim } from '../engine/read.ts';
import { sweep } from '../engine/settle.ts';
import type { Arena } from '../memory/arena.ts';
import { nextDeadline } from '../memory/deadlines.ts';
import { loadPosition, loadSequence } from '../memory/guard.ts';
import { acquireMutex, releaseMutex } from '../memory/mutex.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import { loadDurable } from '../memory/ring.ts';
import { wakeJournal, type ThreadBase } from '../memory/threads.ts';
import { WorkerCache } from './cache.ts';
import {
  claimReply,
  prepareCommand,
  renderCommand,
  runCommand,
  type Prepared,
  type Ran,
} from './claim-requests.ts';
import { answerDefine, defineReply, prepareDefine, runDefine, type DefineRun } from './define-request.ts';
import { serveRead, type ReadDeps } from './read-requests.ts';
import { problemReply } from './replies.ts';

/** Whether a claim is the one that a request's target names, where it names one. */
function isClaimOf(request: BatchRequest, claim: Claim): boolean {
  const kind = request.subject.startsWith('hold_') ? 'hold' : 'order';
  const ref = parseClaimId(kind, request.subject);
  return ref === null || (ref.random0 === claim.random0 >>> 0 && ref.random1 === claim.random1 >>> 0);
}

interface BatchResult {
  readonly replies: readonly BatchReply[];
  /** Position that must be durable before the replies leave. */
  readonly gate: number;
  readonly nextDeadlineMs: number;
  readonly expired: number;
  readonly moreDue: boolean;
}

const ETAG_CHARS = 8;

export class BatchServer {
  readonly #arena: Arena;
  readonly #context: BatchContext;
  readonly #cache: WorkerCache;
  readonly #deps: ReadDeps;

  constructor(arena: Arena, thread: ThreadBase, channel: BroadcastChannel, incarnation: string) {
    this.#arena = arena;
    this.#context = { arena, thread, batchId: 0, commandIndex: 0, nowMs: 0, nearPosition: 0 };
    this.#cache = new WorkerCache(arena, thread, channel);
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
    this.#cache.drain();
    const requests = decodeRequests(batch);
    const result = this.#serveKind(header.kind, header.eventSlot, header.expireBeforeMs, requests);
    const { replies, gate, nextDeadlineMs, expired, moreDue } = result;
    return encodeReplies({ batchId: header.batchId, gate, nextDeadlineMs, expired, moreDue }, replies);
  }

  #serveKind(
    kind: (typeof BATCH_KIND)[keyof typeof BATCH_KIND],
    slot: number,
    expireBeforeMs: number,
    requests: readonly BatchRequest[],
  ): BatchResult {
    switch (kind) {
      case BATCH_KIND.write:
        return slot === REGISTRY_SLOT ? this.#define(requests) : this.#write(slot, requests);
      case BATCH_KIND.read:
        return this.#read(slot, requests);
      case BATCH_KIND.expire:
        return this.#expire(slot, expireBeforeMs);
      case BATCH_KIND.answer:
        return this.#answer(slot, requests);
      default:
        return unreachable(kind);
    }
  }

  #write(slot: number, requests: readonly BatchRequest[]): BatchResult {
    const event = this.#cache.event(slot);
    if (event === null) return this.#read(slot, requests);
    const prepared: Prepared[] = [];
    for (const request of requests) prepared.push(prepareCommand(event, request));
    const context = this.#context;
    const ran: (Ran | null)[] = [];
    acquireMutex(this.#arena, context.thread, slot);
    const before = loadSequence(this.#arena, slot);
    for (let i = 0; i < prepared.length; i++) {
      const step = prepared[i];
      context.commandIndex = i;
      ran.push(step.kind === 'command' ? runCommand(context, event, step.run) : null);
    }
    const after = loadSequence(this.#arena, slot);
    const gate = loadPosition(this.#arena, slot);
    releaseMutex(this.#arena, context.thread);
    if (after !== before) {
      wakeJournal(this.#arena);
      this.#cache.announce(slot);
    }
    const replies = prepared.map((step, i) => {
      const left = ran[i];
      if (step.kind === 'reply' || left === null) return (step as { reply: BatchReply }).reply;
      return renderCommand(context, event, requests[i], left);
    });
    return { replies, gate, nextDeadlineMs: nextDeadline(event.view), expired: 0, moreDue: false };
  }

  #define(requests: readonly BatchRequest[]): BatchResult {
    const context = this.#context;
    const prepared = requests.map((request) =>
      request.operation === CREATE_EVENT.code ? prepareDefine(request) : null,
    );
    const ran: (DefineRun | null)[] = [];
    acquireMutex(this.#arena, context.thread, REGISTRY_SLOT);
    for (let i = 0; i < prepared.length; i++) {
      context.commandIndex = i;
      const step = prepared[i];
      ran.push(step?.kind === 'define' ? runDefine(context, step) : null);
    }
    const gate = loadPosition(this.#arena, REGISTRY_SLOT);
    releaseMutex(this.#arena, context.thread);
    wakeJournal(this.#arena);
    const replies = requests.map((request, i) => {
      const step = prepared[i];
      if (step === null) return serveRead(this.#deps, REGISTRY_SLOT, request).reply;
      if (step.kind === 'reply') return step.reply;
      return defineReply(this.#cache, request, ran[i] as DefineRun);
    });
    return { replies, gate, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
  }

  #read(slot: number, requests: readonly BatchRequest[]): BatchResult {
    let gate = 0;
    const replies = requests.map((request) => {
      const { reply, position } = serveRead(this.#deps, slot, request);
      gate = Math.max(gate, position);
      return reply;
    });
    const event = this.#cache.event(slot);
    const nextDeadlineMs = event === null ? Infinity : nextDeadline(event.view);
    return { replies, gate, nextDeadlineMs, expired: 0, moreDue: false };
  }

  #expire(slot: number, beforeMs: number): BatchResult {
    const event = this.#cache.event(slot);
    if (event === null) return { replies: [], gate: 0, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
    acquireMutex(this.#arena, this.#context.thread, slot);
    const expired = sweep(this.#context, event.view, beforeMs, SWEEP_MAX);
    const gate = loadPosition(this.#arena, slot);
    releaseMutex(this.#arena, this.#context.thread);
    if (expired > 0) {
      wakeJournal(this.#arena);
      this.#cache.announce(slot);
    }
    const nextDeadlineMs = nextDeadline(event.view);
    return { replies: [], gate, nextDeadlineMs, expired, moreDue: expired === SWEEP_MAX };
  }

  /** Replies for commands that a lost worker had published: from what they made, as it is now. */
  #answer(slot: number, requests: readonly BatchRequest[]): BatchResult {
    const context = this.#context;
    if (slot === REGISTRY_SLOT) {
      const replies = requests.map((request) => answerDefine(this.#cache, request));
      return this.#answered(replies, loadPosition(this.#arena, REGISTRY_SLOT));
    }
    const event = this.#cache.event(slot);
    if (event === null) {
      return this.#answered(
        requests.map(({ requestId }) => problemReply('outcome-unknown', requestId)),
        0,
      );
    }
    let gate = 0;
    const replies = requests.map((request) => {
      const read = readConsistent(context, event.view, (view) => readClaim(view, request.fact));
      gate = Math.max(gate, read.position);
      const claim = read.value === null ? null : decodeClaim(read.value);
      // Its cells may have been taken by a later command of the same batch; another's claim is never told.
      if (claim === null || !isClaimOf(request, claim)) {
        return problemReply('outcome-unknown', request.requestId, { applied: true });
      }
      return claimReply(context, event, request, claim, true, false);
    });
    return this.#answered(replies, gate);
  }

  #answered(replies: readonly BatchReply[], gate: number): BatchResult {
    return { replies, gate, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
  }
}
