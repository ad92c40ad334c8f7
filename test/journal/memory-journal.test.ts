import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import { SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import { journalContract } from './journal-contract.ts';

journalContract('memory', () => {
  const disk = new SimulatedDisk(7);
  return { open: () => new MemoryJournal(disk, { segmentBytes: 64 << 10, eventsMax: 16 }) };
});
