/**
 * Keeps the journal's directory in order beside the thread that writes it: spare segments, snapshots, and the count of what
 * the journal may still take. Main thread.
 *
 *   a segment is full ─▶ the journal takes a spare ─▶ rolled() ─▶ another spare, and every few rolls a snapshot
 *   no spare there    ─▶ awaitsSegment(): room is 0 until there is one; nothing is lost
 */
import type { Logger } from 'pino';
import type { Limits } from './core/limits.ts';
import type { SnapshotMessage } from './core/thread-messages.ts';
import { BLOCK_BYTES, spareRoom } from './journal/layout.ts';
import { SegmentSupply } from './journal/segment-supply.ts';
import type { Arena } from './memory/arena.ts';
import { HEADER } from './memory/layout.ts';
import { awaitsSegment } from './memory/ring.ts';
import { wakeJournal } from './memory/threads.ts';
import { buildSnapshot } from './threads.ts';

export interface JournalUpkeepOptions {
  readonly arena: Arena;
  readonly limits: Limits;
  readonly directory: string;
  /** See ServerOptions. */
  readonly historyBytes: number;
  readonly snapshotSegments: number;
  readonly logger: Logger | undefined;
  /** room() may be another. */
  onRoom(): void;
  onSnapshot(outcome: 'written' | 'failed' | 'no-room'): void;
}

export class JournalUpkeep {
  readonly #options: JournalUpkeepOptions;
  readonly #arena: Arena;
  readonly #supply: SegmentSupply;
  #snapshot: ReturnType<typeof buildSnapshot> | null = null;
  #rolls = 0;
  /** A snapshot may be tried out of turn when the disk is full. */
  #mayMakeRoom = true;
  #isClosed = false;

  constructor(options: JournalUpkeepOptions) {
    this.#options = options;
    this.#arena = options.arena;
    this.#supply = new SegmentSupply({
      directory: options.directory,
      segmentBytes: options.limits.segmentBytes,
      // Pairs with the store in storeRoom() of workers/journal.ts.
      taken: () => Atomics.load(this.#arena.words, HEADER.sparesTaken),
      onReady: () => {
        wakeJournal(this.#arena);
        options.onRoom();
      },
      onProblem: (error) => this.#spareFailed(error),
    });
  }

  /** Bytes that the journal may still take before a file must be made: the current segment and the spares. */
  room(): number {
    // A change that came now would wait behind frames that have no room.
    if (awaitsSegment(this.#arena)) return 0;
    // Before the spares: pairs with storeRoom() in workers/journal.ts, which stores the other way round.
    const blocks = Atomics.load(this.#arena.words, HEADER.segmentBlocks);
    return blocks * BLOCK_BYTES + this.#supply.ready * spareRoom(this.#options.limits);
  }

  /** Frames wait for a segment, and there is none: the disk is full. With a spare there, it is the disk that is slow. */
  awaitsRoom(): boolean {
    return awaitsSegment(this.#arena) && this.#supply.ready === 0;
  }

  /** Makes the first spares. `replayed`: recovery had frames to replay, so a snapshot is due with the next roll. */
  async start(replayed: boolean): Promise<void> {
    if (replayed) this.#rolls = this.#options.snapshotSegments - 1;
    await this.#supply.replenish();
  }

  /** A segment was sealed, and its successor is in use. */
  rolled(): void {
    void this.#supply.replenish();
    this.#mayMakeRoom = true;
    this.#rolls++;
    if (this.#rolls >= this.#options.snapshotSegments) this.#startSnapshot();
  }

  /** The journal has frames and no segment for them. */
  awaitsSegment(): void {
    this.#options.logger?.warn('the journal waits for a segment');
    this.#options.onRoom();
    void this.#supply.replenish().then(() => wakeJournal(this.#arena));
  }

  /** The journal takes no more groups: no spares and snapshots are begun any more. */
  stop(): void {
    this.#isClosed = true;
    void this.#supply.close();
  }

  /** Ends a snapshot that is under way, and waits for its thread and for the supply's last write. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#snapshot?.stop(), this.#supply.close()]);
  }

  #spareFailed(error: unknown): void {
    this.#options.logger?.error({ err: error }, 'no spare journal segment could be made');
    this.#options.onRoom();
    // Old segments that may go make room. Once for each segment that was sealed: a try costs a replay.
    if (this.#mayMakeRoom) this.#startSnapshot();
    this.#mayMakeRoom = false;
  }

  #startSnapshot(): void {
    if (this.#snapshot !== null || this.#isClosed) return;
    this.#rolls = 0;
    const { limits, directory, historyBytes } = this.#options;
    this.#snapshot = buildSnapshot({ limits, directory, historyBytes });
    void this.#snapshot.done.then((message) => this.#snapshotDone(message));
  }

  #snapshotDone(message: SnapshotMessage): void {
    this.#snapshot = null;
    const { logger } = this.#options;
    if (message.kind !== 'nothing-new') this.#options.onSnapshot(message.kind);
    if (message.kind === 'failed' && !this.#isClosed) logger?.error(message, 'a snapshot failed');
    else if (message.kind === 'no-room') logger?.warn(message, 'no snapshot: the disk has no room for one');
    else logger?.info(message, 'snapshot');
  }
}
