/**
 * `POST /v1/events`: prepare, run under the registry's mutex, render.
 */
import { randomInt } from 'node:crypto';
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { CREATE_EVENT } from '../core/operations.ts';
import { coversEvent } from '../core/roles.ts';
import { refuse, type BatchContext, type Refusal } from '../engine/command.ts';
import { define, type DefineCommand, type Defined } from '../engine/define.ts';
import type { EventDefinition } from '../engine/definition.ts';
import type { KeyHash } from '../memory/keys.ts';
import { findEvent } from '../memory/registry.ts';
import { parseCreateEvent, slug, type NewDefinition } from './define-body.ts';
import { eventAsItIs } from './event-requests.ts';
import { keyHash } from './key-hash.ts';
import { parseProblem } from './prepared.ts';
import type { ReadDeps } from './read-result.ts';
import { problemReply } from './replies.ts';

export type PreparedDefine =
  | { readonly kind: 'reply'; readonly reply: BatchReply }
  | {
      readonly kind: 'define';
      readonly input: NewDefinition;
      readonly events: string;
      readonly key: KeyHash | null;
    };

export type DefineRun = Defined | Refusal;

export function prepareDefine(request: BatchRequest): PreparedDefine {
  const parsed = parseCreateEvent(request.body);
  if (!parsed.ok) return { kind: 'reply', reply: parseProblem(request, parsed) };
  return { kind: 'define', input: parsed.value, events: request.events, key: keyHash(request) };
}

const SUFFIX_MAX = 1_000_000;
const SLUG_TRIES = 16;

/** The id that the caller gave, or one made from the name: one that no event has and that the caller's key covers. */
function chooseId(context: BatchContext, input: NewDefinition, events: string): string {
  if (input.id !== null) return input.id;
  const base = slug(input.definition.name);
  let id = base;
  for (let tries = 0; tries < SLUG_TRIES && findEvent(context.arena, id) >= 0; tries++) {
    id = `${base}-${randomInt(SUFFIX_MAX)}`;
  }
  return coversEvent(events, id) ? id : base;
}

export function runDefine(context: BatchContext, step: PreparedDefine & { kind: 'define' }): DefineRun {
  const definition: EventDefinition = {
    id: chooseId(context, step.input, step.events),
    ...step.input.definition,
  };
  // Before anything is looked up: whether an event exists is no news for who may not know.
  if (!coversEvent(step.events, definition.id)) return refuse('forbidden');
  const command: DefineCommand = { definition, json: Buffer.from(JSON.stringify(definition)), key: step.key };
  return define(context, command);
}

export function defineReply(deps: ReadDeps, request: BatchRequest, run: DefineRun): BatchReply {
  if (!run.ok) {
    const detail = run.code === 'forbidden' ? forbiddenDetail(request) : undefined;
    return problemReply(run.code, request.requestId, { detail });
  }
  return created(deps, run.slot, run.replayed);
}

function forbiddenDetail({ events }: BatchRequest): string {
  return `The key covers the events ${events}, and not one of this id; an id may be given in the body`;
}

/** The reply to a definition or change that a lost worker had published; the request's fact is the event's slot. */
export function answerEvent(deps: ReadDeps, request: BatchRequest): BatchReply {
  if (request.operation !== CREATE_EVENT.code) return eventAsItIs(deps, request.fact, 200, {});
  return created(deps, request.fact, false);
}

function created(deps: ReadDeps, slot: number, replayed: boolean): BatchReply {
  const event = deps.cache.event(slot);
  if (replayed || event === null) return eventAsItIs(deps, slot, 200, { replayed });
  return eventAsItIs(deps, slot, 201, { location: `/v1/events/${event.map.definition.id}` });
}
