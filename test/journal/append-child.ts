/**
 * A process that owns a journal and appends until it is killed. Run by kill.test.ts: `append-child DIR SEED`.
 * Each line of its output is a promise: `ready POSITION`, then `POSITION BYTES CRC` of each acknowledged
 * group.
 */
import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { FileJournal } from '../../src/journal/file-journal.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const [, , directory, seed] = process.argv;
const journal = new FileJournal(directory, { segmentBytes: 128 << 10, eventsMax: 16 });
journal.own();
const recovered = journal.recover(new Collector());
const maker = new FrameMaker(Number(seed));
let { position } = recovered;
writeSync(1, `ready ${position}\n`);
for (;;) {
  const group = maker.group(1 + maker.random.below(60));
  const words = new Int32Array(group.buffer);
  for (let at = 0; at < words.length; at += words[at] & 0xff_ffff) {
    if (words[at] >>> 24 !== 1) words[at + 1] = (recovered.epoch << 16) | (words[at + 1] & 0xffff);
  }
  const outcome = journal.append(position, [group]);
  if (!outcome.ok) throw new Error(`append: ${outcome.reason}`, { cause: outcome.cause });
  // Synchronous, so that nothing acknowledged is still in a buffer of ours when the signal comes.
  writeSync(1, `${position} ${group.byteLength} ${crc32(group)}\n`);
  position += group.byteLength;
}
