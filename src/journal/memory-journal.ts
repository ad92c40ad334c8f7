/**
 * The journal on a simulated disk: the same code as FileJournal down to the bytes, without files. For tests,
 * and for trying things out; everything is gone with the process.
 */
import { SegmentJournal } from './segment-journal.ts';
import type { SegmentJournalOptions } from './segment-journal.ts';
import { SimulatedDisk } from './simulated-disk.ts';

export class MemoryJournal extends SegmentJournal {
  readonly simulated: SimulatedDisk;

  /** A second journal on the same disk is what a restart is. */
  constructor(disk: SimulatedDisk = new SimulatedDisk(1), options: SegmentJournalOptions = {}) {
    super(disk, options);
    this.simulated = disk;
  }
}
