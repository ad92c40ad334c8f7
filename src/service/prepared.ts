/**
 * What a request becomes before its event's mutex is taken: a reply that needs no mutex, or a step to run under it.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import type { BatchContext } from '../engine/command.ts';
import type { ParseFailure } from './parse.ts';
import { problemReply } from './replies.ts';

/** Makes the reply of a step that ran, from what the step copied. After the mutex. */
export type Render = () => BatchReply;

export type Prepared =
  | { readonly kind: 'reply'; readonly reply: BatchReply }
  | { readonly kind: 'command'; readonly run: (context: BatchContext) => Render };

export function parseProblem(request: BatchRequest, { code, detail, errors }: ParseFailure): BatchReply {
  return problemReply(code, request.requestId, { detail, errors });
}

export function answered(reply: BatchReply): Prepared {
  return { kind: 'reply', reply };
}
