/**
 * From method and target to a route: find-my-way over the operations, the pages, and the two health calls. Main thread.
 * The target is checked before the router sees it, so that nothing ambiguous is ever decoded.
 */
import createRouter from 'find-my-way';
import { TARGET_BYTES_MAX } from '../core/limits.ts';
import {
  CHANGES,
  HISTORY,
  LIST_EVENTS,
  LIST_HOLDS,
  LIST_ORDERS,
  OPERATIONS,
  SEATS,
} from '../core/operations.ts';
import type { Operation } from '../core/operations.ts';
import type { Page } from './page.ts';

interface RouteBase {
  /** For logs and metrics: an operation's name, or a path. */
  readonly name: string;
  readonly takesQuery: boolean;
  /** There is another representation than JSON. */
  readonly negotiates: boolean;
}

export type OperationRoute = RouteBase & { readonly kind: 'operation'; readonly operation: Operation };

/** Only operations reach the dispatcher. */
export type Route =
  | OperationRoute
  | (RouteBase & { readonly kind: 'healthz' | 'readyz' })
  | (RouteBase & { readonly kind: 'page'; readonly page: Page });

export interface Match {
  readonly kind: 'match';
  readonly route: Route;
  readonly subject: string;
  readonly seat: string;
  /** What the `*` of a page stands for. */
  readonly rest: string;
  /** Raw, without `?`. */
  readonly query: string;
}

export type Routed =
  | Match
  | { readonly kind: 'bad-target'; readonly detail: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'method-not-allowed'; readonly allow: string };

type Found = createRouter.FindResult<createRouter.HTTPVersion.V1>;

const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const;
/** Visible ASCII but `#`: a fragment is never sent (RFC 9112 §3.2), and what sends one is confused. */
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;
const TAKE_QUERY: ReadonlySet<Operation> = new Set([
  LIST_EVENTS,
  SEATS,
  HISTORY,
  CHANGES,
  LIST_HOLDS,
  LIST_ORDERS,
]);
/** Targets remembered of each method. */
const KNOWN_MAX = 1024;
const NOT_FOUND: Routed = { kind: 'not-found' };

function badTarget(detail: string): Routed {
  return { kind: 'bad-target', detail };
}

/** Of an event, and short: claims and seats are asked for by one each, and would only fill the memory. */
function isOften({ route, seat, query }: Match): boolean {
  return route.kind === 'operation' && route.operation.subject === 'event' && seat === '' && query === '';
}

function noHandler(): void {
  // find-my-way wants one; we use find(), and the store.
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export class Router {
  readonly #router = createRouter({ maxParamLength: TARGET_BYTES_MAX });
  /** Matches by method and target, of calls about an event: a sale is thousands of requests for a few targets. */
  readonly #known = new Map<string, Map<string, Match>>();

  constructor(operations: readonly Operation[] = OPERATIONS, pages: readonly Page[] = []) {
    for (const operation of operations) {
      if (operation.internal) continue;
      this.#on(operation.method, operation.path, {
        kind: 'operation',
        name: operation.name,
        operation,
        takesQuery: TAKE_QUERY.has(operation),
        negotiates: operation === SEATS,
      });
    }
    for (const kind of ['healthz', 'readyz'] as const) {
      this.#on('GET', `/${kind}`, { kind, name: kind, takesQuery: false, negotiates: false });
    }
    for (const page of pages) {
      // A page makes of a query what it likes: viewers put versions there.
      this.#on('GET', page.path, {
        kind: 'page',
        name: page.path,
        page,
        takesQuery: true,
        negotiates: false,
      });
    }
  }

  #on(method: Operation['method'], path: string, route: Route): void {
    this.#router.on(method, path, noHandler, route);
  }

  route(method: string, target: string): Routed {
    const known = this.#known.get(method)?.get(target);
    if (known !== undefined) return known;
    const routed = this.#route(method, target);
    if (routed.kind === 'match' && isOften(routed)) this.#remember(method, target, routed);
    return routed;
  }

  #remember(method: string, target: string, match: Match): void {
    let targets = this.#known.get(method);
    if (targets === undefined) this.#known.set(method, (targets = new Map<string, Match>()));
    if (targets.size >= KNOWN_MAX) targets.clear();
    targets.set(target, match);
  }

  #route(method: string, target: string): Routed {
    if (target.length > TARGET_BYTES_MAX)
      return badTarget(`The target is longer than ${TARGET_BYTES_MAX} bytes`);
    if (!TARGET.test(target)) return badTarget('The target must be an absolute path of visible ASCII');
    if (target.includes('%') && !decodes(target))
      return badTarget('The percent-encoding of the target is broken');
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const found = this.#find(method === 'HEAD' ? 'GET' : method, path);
    if (found === null) return this.#refuse(path);
    const { subject = '', seat = '', '*': rest = '' } = found.params;
    return {
      kind: 'match',
      route: found.store as Route,
      subject,
      seat,
      rest,
      query: mark < 0 ? '' : target.slice(mark + 1),
    };
  }

  /** Null as well where a parameter is empty: `/v1/events/` is nothing, not the event without a name. */
  #find(method: string, path: string): Found | null {
    const found = this.#router.find(method as 'GET', path);
    if (found === null || found.params['subject'] === '' || found.params['seat'] === '') return null;
    return found;
  }

  #refuse(path: string): Routed {
    const allowed: string[] = [];
    for (const method of METHODS) {
      if (this.#find(method, path) === null) continue;
      allowed.push(method);
      if (method === 'GET') allowed.push('HEAD');
    }
    if (allowed.length === 0) return NOT_FOUND;
    return { kind: 'method-not-allowed', allow: allowed.join(', ') };
  }
}
