/**
 * Runs the mutants: `npm run mutants [-- PART OF A NAME …]`.
 *
 *   compile to dist/mutants (threads not bundled, so that each thread loads the file that is changed)
 *   every test file that is named passes on the build as it is (but with --tested)
 *   one mutant after the other: change the file → its test must fail → change it back
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS, type Mutant } from './mutants.ts';

const TIMEOUT_MS = 60_000;
/** The tests have just passed on this build, as in CI: they are not run on it once more. */
const TESTED = '--tested';
const FAILED = /^ *not ok/m;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const stage = join(root, 'dist/mutants');
const dist = join(stage, 'dist');

type Ran = 'passed' | 'failed' | 'timed out';

function build(): void {
  rmSync(stage, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--outDir', dist], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('the build does not compile');
  copyFileSync(join(root, 'package.json'), join(stage, 'package.json'));
  cpSync(join(root, 'dist/web'), join(dist, 'web'), { recursive: true });
}

/** Runs a test file, until it fails for the first time or is through. */
function runTest(test: string): Promise<{ readonly ran: Ran; readonly output: string }> {
  // A group of its own: the servers that it has started end with it.
  const child = spawn(process.execPath, [join(dist, 'test', test)], { cwd: root, detached: true });
  return new Promise((resolve) => {
    let output = '';
    let ran: Ran | null = null;
    const end = (as: Ran): void => {
      if (ran !== null || child.pid === undefined) return;
      ran = as;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself just now.
      }
    };
    const timer = setTimeout(() => end('timed out'), TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (FAILED.test(output)) end('failed');
      });
    }
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ ran: ran ?? (code === 0 ? 'passed' : 'failed'), output });
    });
  });
}

async function runMutant({ file, from, to, test }: Mutant): Promise<Ran> {
  const path = join(dist, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    return (await runTest(test)).ran;
  } finally {
    writeFileSync(path, text);
  }
}

/** Every mutant must have its one place, or it proves nothing: looked at before the first one runs. */
function checkPlaces(mutants: readonly Mutant[]): void {
  for (const { name, file, from } of mutants) {
    const places = readFileSync(join(dist, file), 'utf8').split(from).length - 1;
    if (places !== 1) throw new Error(`${name}: ${file} has ${places} times: ${from}`);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const wanted = argv.filter((argument) => argument !== TESTED);
  const mutants = MUTANTS.filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
  );
  if (mutants.length === 0) throw new Error(`no mutant's name contains ${wanted.join(' or ')}`);
  build();
  checkPlaces(mutants);
  for (const test of argv.includes(TESTED) ? [] : new Set(mutants.map((mutant) => mutant.test))) {
    const { ran, output } = await runTest(test);
    if (ran === 'passed') continue;
    console.log(output);
    console.log(`${test} ${ran} on the build as it is: it can tell nothing of mutants`);
    return 1;
  }
  let survived = 0;
  for (const mutant of mutants) {
    const startedMs = performance.now();
    const ran = await runMutant(mutant);
    if (ran === 'passed') survived++;
    const verdict = ran === 'passed' ? 'SURVIVED' : ran === 'failed' ? 'caught' : 'caught: the test hangs';
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`${verdict.padEnd(10)} ${mutant.name} (${mutant.test}, ${seconds} s)`);
  }
  console.log(`mutants: ${mutants.length - survived} caught, ${survived} survived`);
  return survived === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
