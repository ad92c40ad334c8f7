/**
 * A copy of the build in which threads start on a faulty node:fs: production code has no hook for tests, and needs none.
 *
 *   dist/workers/journal.js   ─▶  staged: journal.js         imports threads/faulty-fs.js, then journal.real.js
 *                                         journal.real.js    the file of the build, untouched
 *
 * Files are hard links, so a copy costs milliseconds. It lies as deep as dist itself, so that package.json and
 * node_modules are found from it.
 */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Test } from 'tap';
import type * as server from '../../src/server.ts';

export type StagedThread = 'journal' | 'snapshot' | 'history';

const DIST = fileURLToPath(new URL('../../', import.meta.url));
const FAULTY_FS = fileURLToPath(new URL('threads/faulty-fs.js', import.meta.url));
const PARTS = ['src', 'workers', 'web'];

export interface StagedBuild {
  /** The command line's entry. */
  readonly main: string;
  /** The server's module, to start one in this process. */
  load(): Promise<typeof server>;
}

/** Stages the build for one test; it is removed at the end. */
export function stageBuild(t: Test, threads: readonly StagedThread[]): StagedBuild {
  const root = mkdtempSync(join(DIST, 'staged-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const dist = join(root, 'dist');
  copyFileSync(join(DIST, '../package.json'), join(root, 'package.json'));
  for (const part of PARTS) linkTree(join(DIST, part), join(dist, part));
  for (const thread of threads) {
    const entry = join(dist, 'workers', `${thread}.js`);
    const moved = join(dist, 'workers', `${thread}.real.js`);
    renameSync(entry, moved);
    const faulty = relative(join(dist, 'workers'), FAULTY_FS);
    // In this order: a module's imports are evaluated one after the other.
    writeFileSync(entry, `import ${JSON.stringify(faulty)};\nimport './${thread}.real.js';\n`);
  }
  return {
    main: join(dist, 'src/cli/main.js'),
    load: async () => (await import(pathToFileURL(join(dist, 'src/server.js')).href)) as typeof server,
  };
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) linkTree(source, target);
    else if (!entry.name.endsWith('.map') && !entry.name.endsWith('.d.ts')) linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    // A file system without hard links.
    copyFileSync(source, target);
  }
}
