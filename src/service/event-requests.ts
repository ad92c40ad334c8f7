/**
 * `PATCH /v1/events/{event}`: change an event, or archive it. In the registry's lane, since either may take or give
 * memory; the engine takes the mutexes itself, so what was read before may be old by then, and is read again.
 */
import { assert, unreachable } from '../core/assert.ts';
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { ARCHIVE_SUMMARY_BYTES_MAX } from '../core/limits.ts';
import { checkKey, type BatchContext, type KeyCheck, type Refusal } from '../engine/command.ts';
import { parseStored, type EventDefinition } from '../engine/definition.ts';
import { inWindow, underMutex } from '../engine/look.ts';
import { archiveEvent, keepArchived, keepEvent, patchEvent, replayArchived } from '../engine/patch.ts';
import { readConsistent, readCounts, readEvent } from '../engine/read.ts';
import { readArchived } from '../engine/scan.ts';
import { loadSequence } from '../memory/guard.ts';
import type { KeyHash } from '../memory/keys.ts';
import { findEvent } from '../memory/registry.ts';
import type { CachedEvent } from './cache.ts';
import type { PatchEventBody } from './event-schemas.ts';
import { keyHash } from './key-hash.ts';
import { invalid, type Parsed } from './parse.ts';
import { isArchiveOnly, parsePatchEvent, planPatch, type PatchPlan } from './patch-body.ts';
import { parseProblem } from './prepared.ts';
import { definitionTag, notFoundReply, readCurrent, type ReadDeps } from './read-result.ts';
import { refusalReply } from './refusals.ts';
import { eventJson } from './render-event.ts';
import { isoTime } from './render.ts';
import { isMatch, jsonReply, problemReply, textReply, type ReplyOptions } from './replies.ts';

/** How often a change is planned anew because another came first. */
const PLAN_TRIES = 8;

/** What became of a change: the reply, and what the batch has to do about it. */
export interface EventResult {
  readonly reply: BatchReply;
  /** Slot of the event, or -1 where there is none. */
  readonly slot: number;
  readonly changed: boolean;
  readonly retired: boolean;
}

interface PatchTask {
  readonly deps: ReadDeps;
  readonly request: BatchRequest;
  readonly slot: number;
  readonly key: KeyHash | null;
  readonly body: Parsed<PatchEventBody>;
}

/** Changes an event. No mutex may be held. */
export function runPatch(deps: ReadDeps, request: BatchRequest): EventResult {
  const slot = findEvent(deps.context.arena, request.subject);
  if (slot < 0) return { reply: notFoundReply(deps, request), ...unchanged(slot) };
  const body = parsePatchEvent(request.body);
  const task = { deps, request, slot, key: keyHash(request), body };
  for (let tries = 1; tries <= PLAN_TRIES; tries++) {
    const result = tryPatch(task);
    if (result !== null) return result;
  }
  const detail = 'Others changed the event again and again at the same time; try once more';
  return { reply: problemReply('version-mismatch', request.requestId, { detail }), ...unchanged(slot) };
}

function unchanged(slot: number): Omit<EventResult, 'reply'> {
  return { slot, changed: false, retired: false };
}

/** One try; null when the event was changed meanwhile. */
function tryPatch(task: PatchTask): EventResult | null {
  const { deps, request, slot, body } = task;
  const event = deps.cache.event(slot);
  if (event === null) return patchArchived(task);
  const known = lookUp(task, event);
  if (known === 'changed') return null;
  if (known.kind === 'known') return { reply: eventReply(task, true), ...unchanged(slot) };
  if (known.kind === 'refused' && known.refusal.code === 'idempotency-mismatch') {
    return refusedPatch(task, event, known.refusal);
  }
  if (!body.ok) return { reply: parseProblem(request, body), ...unchanged(slot) };
  const { version } = event.view;
  const mismatch = matchProblem(deps, request, version);
  if (mismatch !== null) return { reply: mismatch, ...unchanged(slot) };
  const stored = readEvent(deps.context, slot);
  if (stored === null || stored.view.version !== version) return null;
  const plan = planPatch(parseStored(stored.json), body.value);
  if (!plan.ok) return { reply: parseProblem(request, plan), ...unchanged(slot) };
  return runPlan(task, event, plan.value);
}

function runPlan(task: PatchTask, event: CachedEvent, plan: PatchPlan): EventResult | null {
  const { slot, key } = task;
  const { context } = task.deps;
  const fromVersion = event.view.version;
  switch (plan.kind) {
    case 'same':
      return patched(task, event, keepEvent(context, slot, fromVersion, key));
    case 'change': {
      const { definition, json } = plan;
      return patched(task, event, patchEvent(context, slot, { definition, json, fromVersion, key }));
    }
    case 'archive': {
      const { summary, fromSequence } = summaryOf(context, event);
      return patched(task, event, archiveEvent(context, slot, { summary, fromVersion, fromSequence, key }));
    }
    default:
      return unreachable(plan);
  }
}

function patched(
  task: PatchTask,
  event: CachedEvent,
  outcome: ReturnType<typeof patchEvent>,
): EventResult | null {
  if (!outcome.ok) {
    // What the caller's tag names was the version that was planned from: so another change has come first.
    return outcome.code === 'version-mismatch' ? null : refusedPatch(task, event, outcome);
  }
  const { changed, replayed, retired } = outcome;
  return { reply: eventReply(task, replayed), slot: task.slot, changed, retired };
}

function refusedPatch({ deps, request, slot }: PatchTask, event: CachedEvent, refusal: Refusal): EventResult {
  const { context } = deps;
  const sequence = inWindow(context, slot, () => loadSequence(context.arena, slot));
  return { reply: refusalReply(event, request, refusal, sequence), ...unchanged(slot) };
}

/** Looks the caller's key up, since a change that was made is not to be judged again. */
function lookUp({ deps, slot, key }: PatchTask, event: CachedEvent): KeyCheck | 'changed' {
  if (key === null) return { kind: 'none' };
  const { context, cache } = deps;
  return underMutex(context, slot, () =>
    cache.isCurrent(event) ? checkKey(context, event.view, key) : 'changed',
  );
}

/** The refusal of a change made from another version than the caller knows; null where it may go on. */
function matchProblem(
  deps: ReadDeps,
  { ifMatch, requestId }: BatchRequest,
  version: number,
): BatchReply | null {
  const tag = definitionTag(deps, version);
  if (ifMatch === '' || isMatch(ifMatch, tag)) return null;
  const detail = `The event's ETag is ${tag}, If-Match asks for ${ifMatch.slice(0, 100)}`;
  return problemReply('version-mismatch', requestId, { detail });
}

/** An event that is archived stays so: to ask for that again is fine, and nothing else is. */
function patchArchived(task: PatchTask): EventResult | null {
  const { deps, request, slot, key, body } = task;
  const { context } = deps;
  const archived = readArchived(context, slot);
  if (archived === null) return null;
  const known = key === null ? null : replayArchived(context, slot, key);
  if (known !== null) return archivedAgain(task, known);
  if (!body.ok) return { reply: parseProblem(request, body), ...unchanged(slot) };
  const mismatch = matchProblem(deps, request, archived.version);
  if (mismatch !== null) return { reply: mismatch, ...unchanged(slot) };
  if (isArchiveOnly(body.value)) return archivedAgain(task, keepArchived(context, slot, key));
  const detail = `Event ${request.subject} is archived, and nothing of it changes any more`;
  const problem = invalid([{ pointer: '/state', code: 'archived', detail }]);
  return { reply: parseProblem(request, problem), ...unchanged(slot) };
}

function archivedAgain(task: PatchTask, outcome: ReturnType<typeof keepArchived>): EventResult {
  const { request, slot } = task;
  const reply = outcome.ok
    ? eventReply(task, outcome.replayed)
    : problemReply(outcome.code, request.requestId);
  return { reply, ...unchanged(slot) };
}

function eventReply({ deps, slot }: PatchTask, replayed: boolean): BatchReply {
  return eventAsItIs(deps, slot, 200, { replayed });
}

/** An event as it is now, as the reply of the call that made, changed or archived it. */
export function eventAsItIs(
  deps: ReadDeps,
  slot: number,
  status: 200 | 201,
  options: ReplyOptions,
): BatchReply {
  const known = deps.cache.event(slot);
  const read = known === null ? null : readCurrent(deps, known, () => null);
  if (read === null) {
    const archived = readArchived(deps.context, slot);
    assert(archived !== null, 'an event that was there is live or archived');
    const { summary, version, sequence } = archived;
    const etag = definitionTag(deps, version);
    return textReply(status, Buffer.from(summary).toString('utf8'), { ...options, sequence, etag });
  }
  const { event, sequence } = read;
  const { view, map } = event;
  const json = eventJson(map.definition, view.version, view.createdAtMs);
  return jsonReply(status, json, { ...options, sequence, etag: definitionTag(deps, view.version) });
}

/** What stays of an event, with the sequence that its counts are of: a cancellation may come before the mutex. */
function summaryOf(
  context: BatchContext,
  { view, map }: CachedEvent,
): { readonly summary: Uint8Array; readonly fromSequence: number } {
  const { value: counts, sequence } = readConsistent(context, view, readCounts);
  const sum = (name: 'capacity' | 'sold'): number => counts.reduce((total, each) => total + each[name], 0);
  const summary = archiveSummaryJson(map.definition, {
    version: view.version + 1,
    createdAtMs: view.createdAtMs,
    archivedAtMs: context.nowMs,
    capacity: sum('capacity'),
    sold: sum('sold'),
  });
  return { summary, fromSequence: sequence };
}

interface ArchiveFacts {
  readonly version: number;
  readonly createdAtMs: number;
  readonly archivedAtMs: number;
  readonly capacity: number;
  readonly sold: number;
}

/**
 * JSON text with as much of the name as there is room for. Times to the second: with an id of 63 characters there is no
 * room for more.
 */
export function archiveSummaryJson(definition: EventDefinition, facts: ArchiveFacts): Uint8Array {
  const { version, capacity, sold } = facts;
  const second = (ms: number): string => isoTime(ms).replace(/\.\d+Z$/, 'Z');
  const text = (name: string, isWhole = true): string =>
    JSON.stringify({
      id: definition.id,
      name,
      state: 'archived',
      version,
      ...(isWhole && { createdAt: second(facts.createdAtMs) }),
      archivedAt: second(facts.archivedAtMs),
      startsAt: second(Date.parse(definition.startsAt)),
      capacity,
      sold,
    });
  // By code points, so that no pair of surrogates is cut in two.
  const name = Array.from(definition.name);
  let bytes = Buffer.from(text(definition.name));
  while (bytes.length > ARCHIVE_SUMMARY_BYTES_MAX && name.length > 0) {
    name.pop();
    bytes = Buffer.from(text(name.length === 0 ? '' : `${name.join('').trimEnd()}…`));
  }
  // With the longest id, two million places and 100,000 versions there is still too much.
  if (bytes.length > ARCHIVE_SUMMARY_BYTES_MAX) bytes = Buffer.from(text('', false));
  assert(bytes.length <= ARCHIVE_SUMMARY_BYTES_MAX, 'a summary fits its slot');
  return bytes;
}
