/** Batch servers on one thread, over one arena: requests in, replies out, no pool and no HTTP. */
import { BroadcastChannel } from 'node:worker_threads';
import { BATCH_KIND, type BatchKind, type BatchRequest, type ReplyHeader } from '../../src/core/batch.ts';
import type { Limits } from '../../src/core/limits.ts';
import { CREATE_EVENT, type Operation } from '../../src/core/operations.ts';
import { decodeReplyHeader } from '../../src/core/reply-codec.ts';
import { forgetLongest } from '../../src/engine/row-runs.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { viewEvent, type EventView } from '../../src/memory/event.ts';
import { EVENT, LINE_WORDS, PAGE_WORDS } from '../../src/memory/layout.ts';
import { findEvent, isLive, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { ringHead, startRing } from '../../src/memory/ring.ts';
import { takeThreadSlot, type ThreadBase } from '../../src/memory/threads.ts';
import { BatchServer } from '../../src/service/batch-server.ts';
import { smallLimits, START_MS, TinyJournal } from '../engine/rig.ts';
import { batchOf, readReplies, type ReadReply } from '../support/batches.ts';

export type RequestOptions = Partial<Omit<BatchRequest, 'operation' | 'body'>> & { readonly body?: unknown };

/** A body is given as bytes, as text, or as what JSON is made of. */
export function requestOf(operation: Operation, options: RequestOptions = {}): BatchRequest {
  const { body = null, ...rest } = options;
  return {
    operation: operation.code,
    receivedAtMs: START_MS,
    subject: '',
    seat: '',
    query: '',
    idempotencyKey: '',
    ifNoneMatch: '',
    ifMatch: '',
    keyId: '',
    role: 'admin',
    events: '*',
    client: 'c',
    requestId: 'r1',
    octets: false,
    variesByKey: false,
    fact: 0,
    ...rest,
    body: bodyBytes(body),
  };
}

function bodyBytes(body: unknown): Uint8Array | null {
  if (body === null || body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

export type Json = { [name: string]: Json } & { [index: number]: Json } & (string | number | boolean | null);

export function jsonOf({ body }: ReadReply): Json {
  return JSON.parse(body.toString('utf8')) as Json;
}

function forgetRuns(view: EventView): void {
  for (let row = 0; row < view.rowCount; row++) forgetLongest(view, row);
}

/** Of the rigs' journal; ETags begin with its first characters. */
const INCARNATION = 'incarnation-1';

/** The ETag of a definition. */
export function definitionTag(version: number | string): string {
  return `"${INCARNATION.slice(0, 8)}-${version}"`;
}

let channels = 0;

export class ServiceRig {
  readonly arena: Arena;
  readonly journal: TinyJournal;
  readonly servers: BatchServer[] = [];
  readonly channels: BroadcastChannel[] = [];
  readonly threads: ThreadBase[] = [];
  nowMs = START_MS;
  batchId = 0;

  /** `apart`: each server has a channel of its own, so no announcement ever arrives. */
  constructor(servers = 1, apart = false, limits: Limits = smallLimits()) {
    this.arena = createArena(limits);
    startRing(this.arena, 0);
    this.journal = new TinyJournal(this.arena);
    const name = `test-${process.pid}-${channels++}`;
    for (let i = 0; i < servers; i++) {
      const channel = new BroadcastChannel(apart ? `${name}-${i}` : name);
      channel.unref();
      const thread = takeThreadSlot(this.arena, i + 1);
      this.channels.push(channel);
      this.threads.push(thread);
      this.servers.push(new BatchServer(this.arena, thread, channel, INCARNATION));
    }
  }

  close(): void {
    for (const channel of this.channels) channel.close();
  }

  batch(
    kind: BatchKind,
    slot: number,
    requests: readonly BatchRequest[],
    server = 0,
  ): { header: ReplyHeader; replies: ReadReply[] } {
    const header = {
      batchId: ++this.batchId,
      eventSlot: slot,
      kind,
      nowMs: this.nowMs,
      expireBeforeMs: this.nowMs,
    };
    const bytes = this.servers[server].serve(batchOf(header, requests));
    return { header: decodeReplyHeader(bytes), replies: readReplies(bytes) };
  }

  write(operation: Operation, options: RequestOptions = {}, slot = 1, server = 0): ReadReply {
    return this.batch(BATCH_KIND.write, slot, [requestOf(operation, options)], server).replies[0];
  }

  read(operation: Operation, options: RequestOptions = {}, slot = 1, server = 0): ReadReply {
    return this.batch(BATCH_KIND.read, slot, [requestOf(operation, options)], server).replies[0];
  }

  /** Defines an event that must be accepted; its slot. */
  define(body: object): number {
    const reply = this.write(CREATE_EVENT, { body }, REGISTRY_SLOT);
    if (reply.status !== 201) throw new Error(Buffer.from(reply.body).toString());
    this.journal.drain();
    return findEvent(this.arena, String(jsonOf(reply)['id']));
  }

  /** All bytes of an event and of the registry that mean something, and the ring's head. */
  bytesOf(slot: number): Buffer {
    return Buffer.concat(this.#parts(slot));
  }

  /** Whether all that is still as it was. Copies nothing: it is asked after each of hundreds of refusals. */
  isAsIn(slot: number, before: Buffer): boolean {
    let at = 0;
    for (const part of this.#parts(slot)) {
      if (before.compare(part, 0, part.length, at, at + part.length) !== 0) return false;
      at += part.length;
    }
    return at === before.length;
  }

  /** Bounds on runs are forgotten first: what a refused search has learned is no change. */
  #parts(slot: number): Buffer[] {
    if (isLive(this.arena, slot)) forgetRuns(viewEvent(this.arena, slot));
    const parts: Buffer[] = [Buffer.from(String(ringHead(this.arena)))];
    for (const each of [REGISTRY_SLOT, slot]) {
      const base = eventBase(this.arena, each);
      const { words, geometry } = this.arena;
      const extent = geometry.heap + words[base + EVENT.firstPage] * PAGE_WORDS;
      for (const [from, count] of [
        [base, LINE_WORDS],
        [base + EVENT.guard, LINE_WORDS],
        [base + EVENT.id, LINE_WORDS],
        [extent, words[base + EVENT.pageCount] * PAGE_WORDS],
      ]) {
        parts.push(Buffer.from(words.buffer, words.byteOffset + from * 4, count * 4));
      }
    }
    return parts;
  }
}

export const GALA = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  timeZone: 'Europe/Berlin',
  currency: 'EUR',
  limits: { holdSeconds: 300, maxHoldSeconds: 600, ticketsPerHold: 8 },
  sections: [
    { id: 'floor', name: 'Floor', kind: 'general', capacity: 50, price: 4500 },
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      price: 9000,
      rows: [
        { id: 'A', seats: 7 },
        { id: 'B', seats: ['1..4', null, '5..6', { id: '7', features: ['wheelchair'] }] },
      ],
    },
    { id: 'box-1', name: 'Box', kind: 'seated', rows: [{ id: 'x', seats: ['L', 'R'] }] },
  ],
};
