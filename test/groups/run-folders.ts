/**
 * Many test files in one process. A process costs a second of processor time before its first test: the runner, and
 * its hooks. So files that need none of their own share one, a folder or two each. Any file still runs alone.
 *
 * Tests of all files run one after the other, in the order of the files' names; a failure names its file.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { basename } from 'node:path';

const TESTS = new URL('../', import.meta.url);
/** They start servers and kill them, watch their own process, or take turns with nobody: package.json names them. */
const ALONE = ['bench', 'campaign', 'cli', 'package', 'system'];

/** The folders of a group's name, such as `http-service`. */
function foldersOf(group: string): string[] {
  return basename(group, '.test.js').split('-');
}

/** Runs the test files of the folders that the calling file is named after. */
export async function runFolders(groupUrl: string): Promise<void> {
  for (const folder of foldersOf(groupUrl)) await runFolder(`${folder}/`, true);
}

/** Runs all that no group is named after, so that a new folder is run wherever it comes from. */
export async function runOtherFolders(): Promise<void> {
  const named = readdirSync(new URL('groups/', TESTS)).flatMap(foldersOf);
  await runFolder('', false);
  for (const entry of readdirSync(TESTS, { withFileTypes: true })) {
    const isOther = entry.isDirectory() && entry.name !== 'groups';
    if (isOther && !named.includes(entry.name) && !ALONE.includes(entry.name))
      await runFolder(`${entry.name}/`, true);
  }
}

async function runFolder(folder: string, recursive: boolean): Promise<void> {
  const url = new URL(folder, TESTS);
  const names = readdirSync(fileURLToPath(url), { recursive, encoding: 'utf8' });
  for (const name of names.sort()) if (name.endsWith('.test.js')) await import(new URL(name, url).href);
}
