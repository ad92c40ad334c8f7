/** How much each in-process benchmark does: in full, and as a test. */

export interface MicroSizes {
  /** Times each figure is taken. */
  readonly rounds: number;
  /** Live holds of the small and the large case. */
  readonly liveSmall: number;
  readonly liveLarge: number;
  /** Holds timed in a round. */
  readonly holds: number;
  readonly bestSeatsRows: number;
  readonly mutexCommands: number;
  readonly journalWrites: number;
  readonly replayFrames: number;
  readonly snapshotSeats: number;
}

export const FULL: MicroSizes = {
  rounds: 5,
  liveSmall: 1000,
  liveLarge: 1_000_000,
  holds: 100_000,
  bestSeatsRows: 500,
  mutexCommands: 300_000,
  journalWrites: 1000,
  replayFrames: 500_000,
  snapshotSeats: 1_000_000,
};

export const QUICK: MicroSizes = {
  rounds: 3,
  liveSmall: 1000,
  liveLarge: 50_000,
  holds: 10_000,
  bestSeatsRows: 500,
  mutexCommands: 50_000,
  journalWrites: 100,
  replayFrames: 50_000,
  snapshotSeats: 50_000,
};
