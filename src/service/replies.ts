/**
 * Replies as bytes, in the shape that the batch codec carries.
 */
import { CONTENT_TYPE, type BatchReply } from '../core/batch.ts';
import { PROBLEMS, problemJson, type ProblemCode, type ProblemExtras } from '../core/problems.ts';

export interface ReplyOptions {
  readonly sequence?: number;
  readonly etag?: string;
  readonly location?: string;
  readonly replayed?: boolean;
  readonly isPublic?: boolean;
  readonly cost?: number;
}

/** How many places a command took: what the fair queue corrects its client's account by. */
interface CostedReply extends BatchReply {
  readonly cost: number;
}

function reply(
  status: number,
  contentType: BatchReply['contentType'],
  body: string | Uint8Array,
  options: ReplyOptions,
): CostedReply {
  return {
    status,
    contentType,
    replayed: options.replayed ?? false,
    isPublic: options.isPublic ?? false,
    sequence: options.sequence ?? -1,
    etag: options.etag ?? '',
    location: options.location ?? '',
    retryAfterMs: 0,
    cost: options.cost ?? 0,
    body,
  };
}

export function jsonReply(status: number, value: unknown, options: ReplyOptions = {}): BatchReply {
  return reply(status, CONTENT_TYPE.json, JSON.stringify(value), options);
}

/**
 * The reply to a command that was accepted. Written out, since each command has one: options of many shapes cost more
 * than all the rest of it.
 */
export function commandReply(
  status: 200 | 201,
  json: string,
  sequence: number,
  location: string,
  replayed: boolean,
  cost: number,
): BatchReply {
  return {
    status,
    contentType: CONTENT_TYPE.json,
    replayed,
    isPublic: false,
    sequence,
    etag: '',
    location,
    retryAfterMs: 0,
    cost,
    body: json,
  };
}

/** A reply whose JSON text was made by hand, maybe as bytes. */
export function textReply(status: number, json: string | Uint8Array, options: ReplyOptions = {}): BatchReply {
  return reply(status, CONTENT_TYPE.json, json, options);
}

export function octetsReply(body: Uint8Array, options: ReplyOptions): BatchReply {
  return reply(200, CONTENT_TYPE.octets, body, options);
}

export function emptyReply(status: 204 | 304, options: ReplyOptions = {}): BatchReply {
  return reply(status, CONTENT_TYPE.none, '', options);
}

export function problemReply(code: ProblemCode, requestId: string, extras: ProblemExtras = {}): BatchReply {
  const [status] = PROBLEMS[code];
  const json = problemJson(code, requestId, extras);
  return reply(status, CONTENT_TYPE.problem, json, {});
}

/** Whether `If-Match` lets a request through: RFC 9110 §13.1.1, strong comparison, so a weak tag never does. */
export function isMatch(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim() === etag);
}

/** Whether `If-None-Match` names this entity tag: RFC 9110 §13.1.2, weak comparison. */
export function isNoneMatch(header: string, etag: string): boolean {
  if (header === '') return false;
  // What most callers send back: the tag that they were given.
  if (header === etag) return true;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
