/**
 * `POST /v1/events`: prepare, run under the registry's mutex, render.
 */
import { randomInt } from 'node:crypto';
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import type { BatchContext, Refusal } from '../engine/command.ts';
import { define, type DefineCommand, type Defined } from '../engine/define.ts';
import type { EventDefinition } from '../engine/definition.ts';
import { findEvent } from '../memory/registry.ts';
import type { KeyHash } from '../memory/keys.ts';
import type { WorkerCache } from './cache.ts';
import { parseCreateEvent, slug, type NewDefinition } from './define-body.ts';
import { keyHash } from './key-hash.ts';
import { eventJson } from './render.ts';
import { jsonReply, problemReply } from './replies.ts';

export type PreparedDefine =
  | { readonly kind: 'reply'; readonly reply: BatchReply }
  | { readonly kind: 'define'; readonly input: NewDefinition; readonly key: KeyHash | null };

export type DefineRun = Defined | Refusal;

export function prepareDefine(request: BatchRequest): PreparedDefine {
  const parsed = parseCreateEvent(request.body);
  if (parsed.ok) return { kind: 'define', input: parsed.value, key: keyHash(request) };
  const { code, detail, errors } = parsed;
  return { kind: 'reply', reply: problemReply(code, request.requestId, { detail, errors }) };
}

const SUFFIX_MAX = 1_000_000;
const SLUG_TRIES = 16;

/** The id that the caller gave, or one made from the name that no event has. */
function chooseId(context: BatchContext, input: NewDefinition): string {
  if (input.id !== null) return input.id;
  const base = slug(input.definition.name);
  let id = base;
  for (let tries = 0; tries < SLUG_TRIES && findEvent(context.arena, id) >= 0; tries++) {
    id = `${base}-${randomInt(SUFFIX_MAX)}`;
  }
  return id;
}

export function runDefine(context: BatchContext, step: PreparedDefine & { kind: 'define' }): DefineRun {
  const definition: EventDefinition = { id: chooseId(context, step.input), ...step.input.definition };
  const command: DefineCommand = { definition, json: Buffer.from(JSON.stringify(definition)), key: step.key };
  return define(context, command);
}

export function defineReply(cache: WorkerCache, request: BatchRequest, run: DefineRun): BatchReply {
  if (!run.ok) return problemReply(run.code, request.requestId, {});
  return eventReply(cache, request, run.slot, run.replayed);
}

/** The reply to a definition that a lost worker had published; the request's fact is the event's slot. */
export function answerDefine(cache: WorkerCache, request: BatchRequest): BatchReply {
  return eventReply(cache, request, request.fact, false);
}

function eventReply(cache: WorkerCache, request: BatchRequest, slot: number, replayed: boolean): BatchReply {
  const event = cache.event(slot);
  if (event === null) return problemReply('event-not-found', request.requestId);
  const { definition } = event.map;
  const json = eventJson(definition, event.view.version, event.view.createdAtMs);
  const etag = `"${event.view.version}"`;
  if (replayed) return jsonReply(200, json, { sequence: 1, etag, replayed });
  return jsonReply(201, json, { sequence: 1, etag, location: `/v1/events/${definition.id}` });
}
