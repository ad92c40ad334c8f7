/** Where each group of a directory stands: for `inspect`, and to name the file and offset of a position. Read-only. */
import { FRAME_KIND, headerBytes, headerKind } from '../core/frame.ts';
import type { Disk } from './disk.ts';
import { BLOCK_BYTES, groupBytes, segmentName, segmentNumbers } from './layout.ts';
import type { Position } from './port.ts';
import { readSegmentHeader, ReadWindow, SegmentReader } from './segment-reader.ts';

export interface GroupPlace {
  readonly file: string;
  readonly offset: number;
  readonly start: Position;
  readonly end: Position;
  readonly frames: number;
}

/** Every whole group of every segment whose header can be read. */
export function* groupPlaces(disk: Disk): Generator<GroupPlace> {
  const window = new ReadWindow();
  for (const number of segmentNumbers(disk.list())) {
    const file = segmentName(number);
    const outcome = readSegmentHeader(disk, file);
    if (!outcome.ok) continue;
    const opened = disk.open(file, 'read');
    try {
      const reader = new SegmentReader(opened, outcome.header, window);
      let offset = BLOCK_BYTES;
      for (let group = reader.groupAt(offset); group !== null; group = reader.groupAt(offset)) {
        const frames = countFrames(group.words, group.startWord, group.endWord);
        yield { file, offset, start: group.position, end: group.position + group.payloadBytes, frames };
        offset += groupBytes(group.payloadBytes);
      }
    } finally {
      opened.close();
    }
  }
}

/** Frames of a group that has been checked. Padding is none. */
function countFrames(words: Int32Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at += headerBytes(words[at]) / 4) {
    if (headerKind(words[at]) !== FRAME_KIND.padding) count++;
  }
  return count;
}
