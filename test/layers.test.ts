// Holds src/ and workers/ to the layers of the design: who may import whom, and who may name a thread's entry.
//
// Imports are found by pattern, not by a parser: prettier puts each statement at the start of its own line, so a
// pattern anchored there finds them all. What it might miss, the compiler's own resolution of `.ts` still checks.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** A source file: its path from the project's root, with `/`, and its text. */
type SourceFile = { readonly path: string; readonly text: string };

type Reference = {
  readonly specifier: string;
  readonly kind: 'value' | 'type' | 'url';
  readonly line: number;
};

/** What a layer may import besides itself. A name is a layer, or one file of one; `types` holds for `import type`. */
type Rule = { readonly values: readonly string[]; readonly types?: readonly string[] };

const ALL_BUT_CLI = [
  'core',
  'memory',
  'engine',
  'service',
  'journal',
  'dispatch',
  'http',
  'metrics',
  'client',
  'demo',
  'threads',
  'journal-upkeep',
];

/** A layer is a folder of src/, a single file beside them, or workers/. */
const LAYERS: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['core', { values: [] }],
  ['memory', { values: ['core'] }],
  ['engine', { values: ['core', 'memory'] }],
  ['service', { values: ['core', 'memory', 'engine'] }],
  ['journal', { values: ['core'] }],
  ['dispatch', { values: ['core', 'memory', 'src/journal/port.ts'], types: ['engine'] }],
  ['http', { values: ['core', 'dispatch'] }],
  ['metrics', { values: ['core', 'memory'], types: ['dispatch', 'http'] }],
  ['client', { values: [] }],
  ['cli', { values: ['client', 'server', 'core', 'demo'] }],
  ['demo', { values: ['core'], types: ['client'] }],
  ['threads', { values: ['core'] }],
  ['journal-upkeep', { values: ['core', 'memory', 'journal', 'threads'] }],
  ['server', { values: ALL_BUT_CLI }],
  // FrontrowError is what createServer() rejects with.
  ['index', { values: ['server', 'client', 'src/core/assert.ts'], types: ['core'] }],
  ['workers', { values: ['core', 'memory', 'engine', 'service', 'journal'] }],
]);

/** The commands that work on a data directory without a server see below it. */
const OFFLINE: Rule = { values: ['client', 'server', 'core', 'journal', 'memory', 'engine'] };
const OFFLINE_FILES = new Set(
  ['inspect', 'verify', 'offline', 'offline-backup', 'offline-replay', 'offline-types', 'offline-verify'].map(
    (name) => `src/cli/${name}.ts`,
  ),
);

/** The one file that names the entries in workers/. */
const THREADS_FILE = 'src/threads.ts';

const FILE_LINES_MAX = 500;

const STATEMENT = /^[ \t]*(import|export)\b([\w$*{},\s]*?)\bfrom\s*(['"])([^'"\n]+)\3/gm;
const BARE_IMPORT = /^[ \t]*import\s*(['"])([^'"\n]+)\1/gm;
const DYNAMIC_IMPORT = /\b(?:import|require)\(\s*(['"`])([^'"`\n]+)\1/g;
const MODULE_URL = /\bnew URL\(\s*(['"`])([^'"`\n]+)\1\s*,\s*import\.meta\.url/g;

/** Blanks the lines that hold nothing but a comment; line numbers stay. */
function withoutCommentLines(text: string): string {
  return text.replaceAll(/^[ \t]*(?:\/\/|\/\*|\*).*$/gm, '');
}

function referencesOf(text: string): Reference[] {
  const code = withoutCommentLines(text);
  const lineAt = (index: number): number => code.slice(0, index).split('\n').length;
  const found: Reference[] = [];
  for (const match of code.matchAll(STATEMENT)) {
    const [whole, , clause = '', , specifier = ''] = match;
    const kind = /^\s+type\s+(?!,|$)/.test(clause) ? 'type' : 'value';
    found.push({ specifier, kind, line: lineAt(match.index + whole.length) });
  }
  for (const [pattern, kind] of [
    [BARE_IMPORT, 'value'],
    [DYNAMIC_IMPORT, 'value'],
    [MODULE_URL, 'url'],
  ] as const) {
    for (const match of code.matchAll(pattern)) {
      found.push({ specifier: match[2] ?? '', kind, line: lineAt(match.index) });
    }
  }
  return found;
}

/** The layer of a file, or undefined where it belongs to none. */
function layerOf(file: string): string | undefined {
  const parts = file.split('/');
  if (parts[0] === 'workers') return 'workers';
  if (parts[0] !== 'src') return undefined;
  const name = parts.length === 2 ? path.posix.basename(file, '.ts') : parts[1];
  return name !== undefined && name !== 'workers' && LAYERS.has(name) ? name : undefined;
}

function isAllowed(from: string, target: string, kind: Reference['kind']): boolean {
  const fromLayer = layerOf(from);
  const targetLayer = layerOf(target);
  if (fromLayer === undefined || targetLayer === undefined) return false;
  if (fromLayer === targetLayer) return true;
  const rule = OFFLINE_FILES.has(from) ? OFFLINE : LAYERS.get(fromLayer);
  if (rule === undefined) return false;
  const names = kind === 'type' ? [...rule.values, ...(rule.types ?? [])] : rule.values;
  return names.includes(targetLayer) || names.includes(target);
}

/** What one reference does against the rules, or undefined. */
function faultOf(file: SourceFile, { specifier, kind }: Reference): string | undefined {
  if (!specifier.startsWith('.')) {
    return /^(?:frontrow(?:\/|$)|\/|file:)/.test(specifier)
      ? `names ${specifier}: our own files are named by relative path`
      : undefined;
  }
  const target = path.posix.join(path.posix.dirname(file.path), specifier);
  if (kind === 'url') {
    if (target.startsWith('workers/')) {
      return file.path === THREADS_FILE ? undefined : `names ${target} by URL; only ${THREADS_FILE} may`;
    }
    // A page or another file that is only read. Code has to go by import, where the layers hold.
    return /\.[cm]?[jt]s$/.test(target)
      ? `names ${target} by URL; code outside workers/ is imported`
      : undefined;
  }
  if (!specifier.endsWith('.ts')) return `imports ${specifier}, which does not end in .ts`;
  if (isAllowed(file.path, target, kind)) return undefined;
  return kind === 'type' ? `imports types of ${target}` : `imports ${target}`;
}

/** Every breach of the rules, as `file:line message`. */
function faultsIn(files: readonly SourceFile[]): string[] {
  const faults: string[] = [];
  for (const file of files) {
    if (layerOf(file.path) === undefined) faults.push(`${file.path}:1 belongs to no layer`);
    for (const reference of referencesOf(file.text)) {
      const fault = faultOf(file, reference);
      if (fault !== undefined) faults.push(`${file.path}:${reference.line} ${fault}`);
    }
    const lines = file.text.split('\n').length - 1;
    if (lines > FILE_LINES_MAX) {
      faults.push(`${file.path}:${lines} is longer than ${FILE_LINES_MAX} lines`);
    }
  }
  return faults;
}

function projectRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  // The compiled test stands in dist/test/, where nothing has a package.json.
  while (!statSync(path.join(folder, 'package.json'), { throwIfNoEntry: false })) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('no package.json above the test');
    folder = parent;
  }
  return folder;
}

function readSources(root: string): SourceFile[] {
  return ['src', 'workers'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => {
        const file = path.join(entry.parentPath, entry.name);
        return {
          path: path.relative(root, file).replaceAll(path.sep, '/'),
          text: readFileSync(file, 'utf8'),
        };
      }),
  );
}

t.test('every file of src and workers keeps to its layer', async (t) => {
  const files = readSources(projectRoot());
  t.ok(
    files.some((file) => file.path === 'src/index.ts'),
    'the sources were found',
  );
  t.ok(
    files.some((file) => file.path.startsWith('workers/')),
    'the thread entries were found',
  );
  const ours = files
    .flatMap((file) => referencesOf(file.text))
    .filter(({ specifier }) => specifier.startsWith('.'));
  t.ok(ours.length >= files.length / 2, `imports were found: ${ours.length} in ${files.length} files`);
  t.strictSame(faultsIn(files), []);
});

t.test('the thread entries are named by URL in one file', async (t) => {
  const naming = readSources(projectRoot())
    .filter((file) =>
      referencesOf(file.text).some(
        ({ kind, specifier }) => kind === 'url' && specifier.includes('/workers/'),
      ),
    )
    .map((file) => file.path);
  t.strictSame(naming, [THREADS_FILE]);
});

/** Who may use what a batch's gate rests on. Everything else reads an event's memory through engine/look.ts. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  acquireMutex: ['src/engine/look.ts'],
  releaseMutex: ['src/engine/look.ts'],
  raiseGate: ['src/engine/look.ts', 'src/service/cache.ts'],
  // What was read in a window is kept with its position.
  // And whether a step has published a frame, which the journal is to be woken for, shows in it.
  loadPosition: ['src/engine/look.ts', 'src/engine/read.ts', 'src/service/batch-server.ts'],
  // The history thread takes no mutex, and waits for the ring's head.
  headPosition: ['src/service/history-server.ts'],
};

t.test('only the doors of engine/look.ts take a mutex or the last position of an event', async (t) => {
  const files = readSources(projectRoot()).filter(({ path: file }) => /^src\/(engine|service)\//.test(file));
  for (const [name, allowed] of Object.entries(DOORS)) {
    const using = files.filter(({ text }) => new RegExp(`\\b${name}\\b`).test(text)).map((file) => file.path);
    t.strictSame(using.toSorted(), allowed.toSorted(), name);
  }
});

t.test('what keeps to the rules passes', async (t) => {
  const files: SourceFile[] = [
    {
      path: 'src/core/ids.ts',
      text: `import assert from 'node:assert';\nimport { a } from './assert.ts';\n`,
    },
    {
      path: 'src/memory/deep/ring.ts',
      text: `import { a } from '../mutex.ts';\nimport { b } from '../../core/b.ts';`,
    },
    { path: 'src/engine/hold.ts', text: `import {\n  type A,\n  b,\n} from '../memory/claims.ts';\n` },
    { path: 'src/service/reserve.ts', text: `import { hold } from '../engine/hold.ts';\n` },
    {
      path: 'src/dispatch/pool.ts',
      text: `import type { Outcome } from '../engine/outcome.ts';\nimport { Port } from '../journal/port.ts';\n`,
    },
    { path: 'src/http/web.ts', text: `const page = new URL('../../../web/index.html', import.meta.url);\n` },
    { path: 'src/cli/verify.ts', text: `import { recover } from '../journal/recovery.ts';\n` },
    {
      path: 'src/index.ts',
      text: `export type { EventId } from '../src/core/ids.ts';\nexport * from './server.ts';\n`,
    },
    {
      path: 'src/threads.ts',
      text: `export const RESERVE = new URL('../workers/reserve.js', import.meta.url);\n`,
    },
    { path: 'src/server.ts', text: `import { RESERVE } from './threads.ts';\nimport './demo.ts';\n` },
    { path: 'workers/reserve.ts', text: `import { serve } from '../src/service/reserve.ts';\n` },
    {
      path: 'src/client/index.ts',
      text: `// import { a } from '../core/a.ts';\n/** Like import('../core/a.ts'). */\n`,
    },
  ];
  t.strictSame(faultsIn(files), []);
});

t.test('each breach of the rules is found, with its line', async (t) => {
  const cases: readonly (readonly [path: string, text: string, fault: string])[] = [
    ['src/core/a.ts', `import { b } from '../memory/b.ts';`, '1 imports src/memory/b.ts'],
    ['src/core/a.ts', `\n\nimport type { B } from '../client/b.ts';`, '3 imports types of src/client/b.ts'],
    ['src/memory/a.ts', `export { b } from '../engine/b.ts';`, '1 imports src/engine/b.ts'],
    ['src/memory/a.ts', `export * from '../engine/b.ts';`, '1 imports src/engine/b.ts'],
    ['src/engine/a.ts', `import '../journal/b.ts';`, '1 imports src/journal/b.ts'],
    ['src/engine/a.ts', `import {\n  b,\n  c,\n} from '../service/b.ts';`, '4 imports src/service/b.ts'],
    ['src/service/a.ts', `import b, { c } from '../journal/b.ts';`, '1 imports src/journal/b.ts'],
    ['src/journal/a.ts', `const b = await import('../memory/b.ts');`, '1 imports src/memory/b.ts'],
    ['src/dispatch/a.ts', `import { b } from '../engine/b.ts';`, '1 imports src/engine/b.ts'],
    ['src/dispatch/a.ts', `import { type B } from '../engine/b.ts';`, '1 imports src/engine/b.ts'],
    [
      'src/dispatch/a.ts',
      `import type { B } from '../journal/file.ts';`,
      '1 imports types of src/journal/file.ts',
    ],
    ['src/http/a.ts', `import { b } from '../memory/b.ts';`, '1 imports src/memory/b.ts'],
    ['src/client/a.ts', `import type { B } from '../core/b.ts';`, '1 imports types of src/core/b.ts'],
    ['src/cli/serve.ts', `import { b } from '../journal/b.ts';`, '1 imports src/journal/b.ts'],
    ['src/cli/inspect.ts', `import { b } from '../dispatch/b.ts';`, '1 imports src/dispatch/b.ts'],
    ['src/demo.ts', `import { b } from './server.ts';`, '1 imports src/server.ts'],
    ['src/server.ts', `import { b } from './cli/b.ts';`, '1 imports src/cli/b.ts'],
    ['src/index.ts', `export { b } from './core/b.ts';`, '1 imports src/core/b.ts'],
    ['workers/a.ts', `import { b } from '../src/dispatch/b.ts';`, '1 imports src/dispatch/b.ts'],
    ['src/threads.ts', `import { b } from '../workers/b.ts';`, '1 imports workers/b.ts'],
    ['src/core/a.ts', `import { b } from '../../test/b.ts';`, '1 imports test/b.ts'],
    ['src/core/a.ts', `import { b } from './b.js';`, '1 imports ./b.js, which does not end in .ts'],
    ['src/core/a.ts', `import { b } from './b';`, '1 imports ./b, which does not end in .ts'],
    [
      'src/cli/a.ts',
      `import { b } from 'frontrow/client';`,
      '1 names frontrow/client: our own files are named by relative path',
    ],
    [
      'src/dispatch/a.ts',
      `const url = new URL('../../workers/b.js', import.meta.url);`,
      '1 names workers/b.js by URL; only src/threads.ts may',
    ],
    [
      'src/http/a.ts',
      `const url = new URL(\n  '../engine/b.js',\n  import.meta.url,\n);`,
      '1 names src/engine/b.js by URL; code outside workers/ is imported',
    ],
    ['src/other/a.ts', '', '1 belongs to no layer'],
    ['src/other.ts', '', '1 belongs to no layer'],
    ['workers/a.ts', '\n'.repeat(501), '501 is longer than 500 lines'],
    ['src/core/a.ts', '\n'.repeat(501), '501 is longer than 500 lines'],
  ];
  for (const [file, text, fault] of cases) {
    t.strictSame(faultsIn([{ path: file, text }]), [`${file}:${fault}`], fault);
  }
});
