/** Real processes on real files, killed with SIGKILL at an instant that nobody chose. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import t from 'tap';
import { FileJournal } from '../../src/journal/file-journal.ts';
import { verifyDirectory } from '../../src/journal/offline.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { Collector } from './sample-frames.ts';
import { nodeCommand } from '../support/node-command.ts';

const ROUNDS = process.env['FRONTROW_LONG'] === '1' ? 60 : 3;
const SEED = Number(process.env['FRONTROW_SEED'] ?? '1');
const CHILD = fileURLToPath(new URL('./append-child.js', import.meta.url));
const OPTIONS = { segmentBytes: 128 << 10, eventsMax: 16 };

/** Runs a child until `lines` groups are acknowledged, kills it, and returns every line that it wrote. */
async function appendAndKill(
  directory: string,
  seed: number,
  lines: number,
  whileAlive: () => void,
): Promise<string[]> {
  const child = spawn(...nodeCommand([CHILD, directory, String(seed)]), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const output: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    output.push(line);
    if (output.length === 2) whileAlive();
    if (output.length === lines) child.kill('SIGKILL');
  }
  await exit;
  return output;
}

t.test(`acknowledged groups survive kill -9, ${ROUNDS} rounds, seed ${SEED}`, async (test) => {
  const directory = test.testdir();
  const random = new SeededRandom(SEED);
  const acknowledged: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const output = await appendAndKill(directory, random.next(), 2 + random.below(60), () => {
      test.throws(() => new FileJournal(directory, OPTIONS).own(), {
        code: 'directory-in-use',
        message: 'process',
      });
    });
    test.match(output[0], /^ready \d+$/);
    acknowledged.push(...output.slice(1));

    const journal = new FileJournal(directory, OPTIONS);
    journal.own();
    const sink = new Collector();
    const recovered = journal.recover(sink);
    journal.close();
    const found = sink.groups.map(({ position, bytes }) => `${position} ${bytes.byteLength} ${crc32(bytes)}`);
    // One group may have been durable and not yet told.
    test.ok(
      found.length - acknowledged.length <= 1,
      `${found.length} found, ${acknowledged.length} acknowledged`,
    );
    test.strictSame(found.slice(0, acknowledged.length), acknowledged);
    test.equal(recovered.epoch, round + 2, 'each child wrote in an epoch of its own');
    acknowledged.splice(0, acknowledged.length, ...found);
  }
  test.strictSame(verifyDirectory(directory).problems, []);
});
