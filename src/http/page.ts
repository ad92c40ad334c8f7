/**
 * What the server answers beside its operations: metrics, the OpenAPI document, its viewer. A table of them is given
 * to the service, which knows nothing of what they are. Main thread.
 */
import type { Role } from '../core/roles.ts';

export interface PageRequest {
  /** What `*` at the end of the path stands for, decoded; else empty. It may hold anything, `..` among it. */
  readonly rest: string;
  readonly accept: string | null;
  readonly ifNoneMatch: string | null;
}

export interface PageReply {
  readonly status: number;
  /** Names and values by turns, Content-Type and Cache-Control among them; the request's id is added. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | null;
}

/** GET and HEAD, in whatever state the server is. */
export interface Page {
  /** `/metrics`, or `/docs/*` for all below. */
  readonly path: string;
  /** Who may see it, where there are keys. */
  readonly role: Extract<Role, 'none' | 'reader'>;
  /** null: there is nothing here after all. */
  respond(request: PageRequest): PageReply | null | Promise<PageReply | null>;
}
