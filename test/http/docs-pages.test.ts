/** The document and its viewer, as the server shows them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { docsPages, type DocsPage } from '../../src/http/docs-pages.ts';
import { documentText } from '../support/openapi.ts';

const NAMES = ['openapi.json', 'docs.html', 'docs.css', 'docs.mjs', 'swagger-ui.css', 'swagger-ui-bundle.js'];

function folderOf(t: { teardown(fn: () => void): void }): URL {
  const folder = mkdtempSync(path.join(tmpdir(), 'frontrow-docs-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const name of NAMES) writeFileSync(path.join(folder, name), name);
  return pathToFileURL(`${folder}/`);
}

function page(pages: readonly DocsPage[], at: string): DocsPage {
  const found = pages.find((each) => each.path === at);
  if (found === undefined) throw new Error(`no page ${at}`);
  return found;
}

t.test('each path answers its own bytes, and what is not there is nothing', async (t) => {
  const pages = docsPages(folderOf(t));
  const body = (at: string, rest = ''): string =>
    Buffer.from(page(pages, at).respond({ rest, ifNoneMatch: null })?.body ?? []).toString();
  t.equal(body('/openapi.json'), 'openapi.json');
  t.equal(body('/docs'), 'docs.html');
  t.equal(body('/docs/*'), 'docs.html');
  for (const name of NAMES.slice(2)) t.equal(body('/docs/*', name), name);
  for (const rest of ['openapi.json', '../openapi.json', 'docs.html/', '__proto__', 'constructor']) {
    t.equal(page(pages, '/docs/*').respond({ rest, ifNoneMatch: null }), null, rest);
  }
});

t.test(
  'the page allows no script in itself and no other host, and a known file is not sent again',
  async (t) => {
    const pages = docsPages(folderOf(t));
    const first = page(pages, '/docs').respond({ rest: '', ifNoneMatch: null });
    const header = (name: string): string => first?.headers[first.headers.indexOf(name) + 1] ?? '';
    t.match(header('Content-Security-Policy'), /default-src 'none'; script-src 'self'/);
    t.notMatch(header('Content-Security-Policy'), /unsafe|http|\*/);
    const again = page(pages, '/docs').respond({ rest: '', ifNoneMatch: `W/"x", ${header('ETag')}` });
    t.match(again, { status: 304, body: null });
    t.equal(page(pages, '/docs').respond({ rest: '', ifNoneMatch: '"x"' })?.status, 200);
  },
);

t.test('a build without them says so', async (t) => {
  t.throws(() => docsPages(pathToFileURL('/nowhere/')), { code: 'bad-option', message: /npm run build/ });
});

t.test('the build has them, and the document is the one of the repository', async (t) => {
  const pages = docsPages();
  const document = page(pages, '/openapi.json').respond({ rest: '', ifNoneMatch: null });
  t.ok(Buffer.from(document?.body ?? []).toString() === documentText());
  const html = Buffer.from(
    page(pages, '/docs').respond({ rest: '', ifNoneMatch: null })?.body ?? [],
  ).toString();
  const asked = [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map((match) => match[1]);
  t.ok(asked.length >= 4);
  for (const at of asked) {
    const isBelow = at.startsWith('/docs/');
    const there = page(pages, isBelow ? '/docs/*' : at).respond({ rest: at.slice(6), ifNoneMatch: null });
    t.equal(there?.status, 200, at);
  }
});
