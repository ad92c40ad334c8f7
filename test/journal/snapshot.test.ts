/** A snapshot that cannot be written leaves nothing behind, and one that cannot fit is known not to before it is begun. */
import t from 'tap';
import { PART_SUFFIX, spareName } from '../../src/journal/layout.ts';
import { SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import type { FaultKind } from '../../src/journal/simulated-disk.ts';
import {
  removeSnapshotParts,
  snapshotFileBytes,
  snapshotRoom,
  writeSnapshot,
} from '../../src/journal/snapshot.ts';

const INFO = { position: 4096, incarnation: '0'.repeat(32), lastTimeMs: 1, bytes: 0 };
const CHUNKS = [Buffer.alloc(3000, 1), Buffer.alloc(3000, 2)];
const SEGMENT_BYTES = 64 << 10;

function put(disk: SimulatedDisk, name: string, bytes: number): void {
  disk.open(name, 'create').write([new Uint8Array(bytes)], 0);
}

t.test('whatever fails while a snapshot is written, nothing of it stays', (test) => {
  const kinds: FaultKind[] = ['write-error', 'short-write', 'sync-error', 'no-space'];
  for (const kind of kinds) {
    for (let after = 0, isWritten = false; !isWritten; after++) {
      const disk = new SimulatedDisk(1);
      writeSnapshot(disk, { ...INFO, position: 0 }, CHUNKS);
      const before = disk.list();
      disk.arm({ kind, after });
      try {
        writeSnapshot(disk, INFO, CHUNKS);
        isWritten = true;
      } catch {
        // Only the sync of the directory comes after the name, and of a file that is whole.
        const left = disk.list().filter((name) => !before.includes(name));
        if (kind !== 'sync-error') test.strictSame(left, [], `${kind} after ${after} operations`);
        test.notOk(left.some((name) => name.endsWith(PART_SUFFIX)));
      }
    }
  }
  test.end();
});

t.test('a snapshot that fills the disk up gives all of it back', (test) => {
  const disk = new SimulatedDisk(1, 4000);
  test.throws(() => writeSnapshot(disk, INFO, CHUNKS), { name: 'ShortWriteError' });
  test.equal(disk.free(), 4000);
  test.end();
});

t.test('what a killed process has left of snapshots goes, of whatever position, and nothing else', (test) => {
  const disk = new SimulatedDisk(1);
  writeSnapshot(disk, INFO, CHUNKS);
  const kept = [...disk.list(), `${spareName(1)}${PART_SUFFIX}`].sort();
  for (const position of [1, 9]) put(disk, `snapshot-000000000000000${position}.snapshot${PART_SUFFIX}`, 10);
  put(disk, `${spareName(1)}${PART_SUFFIX}`, 10);
  removeSnapshotParts(disk);
  test.strictSame(disk.list(), kept);
  test.end();
});

t.test('a snapshot takes no more than was said', (test) => {
  for (const sizes of [[], [0], [1, 2, 3], [1 << 20, 1 << 20, (1 << 20) - 4, 5]]) {
    const disk = new SimulatedDisk(1, 8 << 20);
    const content = sizes.map((size) => Buffer.alloc(size, 1));
    writeSnapshot(disk, INFO, content);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    test.ok((8 << 20) - disk.free() <= snapshotFileBytes(bytes), `${bytes} bytes of content`);
  }
  test.end();
});

t.test('room is left for the spares that can still be made', (test) => {
  const roomOf = (free: number, spares: number, partBytes = 0): number => {
    const disk = new SimulatedDisk(1);
    for (let number = 1; number <= spares; number++) put(disk, spareName(number), SEGMENT_BYTES);
    if (partBytes > 0) put(disk, `${spareName(9)}${PART_SUFFIX}`, partBytes);
    disk.capacityBytes = spares * SEGMENT_BYTES + partBytes + free;
    return snapshotRoom(disk, SEGMENT_BYTES);
  };
  test.equal(roomOf(5 * SEGMENT_BYTES, 2), 5 * SEGMENT_BYTES, 'none is missing');
  test.equal(roomOf(5 * SEGMENT_BYTES, 1), 4 * SEGMENT_BYTES);
  test.equal(roomOf(5 * SEGMENT_BYTES, 0), 3 * SEGMENT_BYTES);
  test.equal(roomOf(5 * SEGMENT_BYTES, 0, 1000), 3 * SEGMENT_BYTES + 1000, 'one is being made');
  test.equal(roomOf(SEGMENT_BYTES + 7, 0), 7, 'a second one has no room, so none is left for it');
  test.equal(roomOf(SEGMENT_BYTES - 1, 0), SEGMENT_BYTES - 1, 'nor for the first');
  test.equal(roomOf(SEGMENT_BYTES - 1, 0, 4096), 4095, 'but one that is being made can be finished');
  test.equal(roomOf(0, 2), 0);
  test.end();
});
