/** The journal on files: the default. */
import { FileDisk } from './file-disk.ts';
import { SegmentJournal } from './segment-journal.ts';
import type { SegmentJournalOptions } from './segment-journal.ts';

export class FileJournal extends SegmentJournal {
  /** Throws FrontrowError `directory-unusable` when the directory cannot be made. */
  constructor(directory: string, options: SegmentJournalOptions = {}) {
    super(new FileDisk(directory, { create: true }), options);
  }
}
