/**
 * `/openapi.json` and `/docs`: the OpenAPI document and its viewer, as bytes that the build has put into dist/web. They
 * are read once, when the server starts, and need no other host: the policy of the page allows none. Main thread.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FrontrowError } from '../core/assert.ts';

interface DocsRequest {
  /** What follows `/docs/`. */
  readonly rest: string;
  readonly ifNoneMatch: string | null;
}

interface DocsReply {
  readonly status: number;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | null;
}

/** One path of the server. Fits `Page` of page.ts. */
export interface DocsPage {
  /** `/docs/*` is all below. */
  readonly path: string;
  readonly role: 'none';
  /** null: there is nothing at that path. */
  respond(request: DocsRequest): DocsReply | null;
}

/** dist/web, seen from dist/src/http. */
const WEB = new URL('../../web/', import.meta.url);

/**
 * Only what this server itself serves, and no script or style in the page. The viewer styles its elements from its
 * script, which a policy does not hinder, and brings its icons as data.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** Files below /docs/, and their types. */
const BELOW: Readonly<Record<string, string>> = {
  'docs.css': STYLE,
  'docs.mjs': SCRIPT,
  'swagger-ui.css': STYLE,
  'swagger-ui-bundle.js': SCRIPT,
};

class WebFile {
  readonly #body: Uint8Array;
  readonly #etag: string;
  readonly #type: readonly string[];
  /** Also of a 304, which tells nothing of a body that does not come (RFC 9110 §15.4.5). */
  readonly #headers: readonly string[];

  constructor(folder: URL, name: string, contentType: string) {
    this.#body = readFileSync(new URL(name, folder));
    this.#etag = `"${createHash('sha256').update(this.#body).digest('base64url').slice(0, 22)}"`;
    this.#type = ['Content-Type', contentType];
    this.#headers = [
      'ETag',
      this.#etag,
      // Asked for again each time, and answered with 304: a page of one release never runs another's script.
      'Cache-Control',
      'no-cache',
      'X-Content-Type-Options',
      'nosniff',
      ...(contentType === HTML ? ['Content-Security-Policy', POLICY, 'Referrer-Policy', 'no-referrer'] : []),
    ];
  }

  reply(ifNoneMatch: string | null): DocsReply {
    const isKnown = (ifNoneMatch ?? '')
      .split(',')
      .some((tag) => tag.trim().replace(/^W\//, '') === this.#etag);
    return isKnown
      ? { status: 304, headers: this.#headers, body: null }
      : { status: 200, headers: [...this.#type, ...this.#headers], body: this.#body };
  }
}

/**
 * Pages for the service. Reads their files; call it before requests are taken.
 * @throws FrontrowError `bad-option` where the build has not made them
 */
export function docsPages(folder: URL = WEB): readonly DocsPage[] {
  let document: WebFile;
  let page: WebFile;
  const below = new Map<string, WebFile>();
  try {
    document = new WebFile(folder, 'openapi.json', 'application/json');
    page = new WebFile(folder, 'docs.html', HTML);
    for (const [name, contentType] of Object.entries(BELOW))
      below.set(name, new WebFile(folder, name, contentType));
  } catch (cause) {
    throw new FrontrowError('bad-option', 'the pages of /docs are not in this build: run npm run build', {
      cause,
    });
  }
  return [
    { path: '/openapi.json', role: 'none', respond: ({ ifNoneMatch }) => document.reply(ifNoneMatch) },
    { path: '/docs', role: 'none', respond: ({ ifNoneMatch }) => page.reply(ifNoneMatch) },
    {
      path: '/docs/*',
      role: 'none',
      respond: ({ rest, ifNoneMatch }) => (rest === '' ? page : below.get(rest))?.reply(ifNoneMatch) ?? null,
    },
  ];
}
