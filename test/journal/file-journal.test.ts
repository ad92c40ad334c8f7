import { FileJournal } from '../../src/journal/file-journal.ts';
import { journalContract } from './journal-contract.ts';

journalContract('file', (test) => {
  const directory = test.testdir();
  return { open: () => new FileJournal(directory, { segmentBytes: 64 << 10, eventsMax: 16 }) };
});
