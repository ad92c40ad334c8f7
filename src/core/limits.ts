/**
 * Every limit in one file. What an operator may set is in `Limits`; the rest are constants of the interface.
 */
import { availableParallelism } from 'node:os';
import { FrontrowError } from './assert.ts';

/** Places in one hold or order. Source: API.md. */
export const PLACES_PER_CLAIM_MAX = 100;
/** Places in one block or unblock call. */
export const PLACES_PER_BLOCK_MAX = 2000;
export const CUSTOMER_BYTES_MAX = 64;
/** JSON text of a claim's or an event's metadata. */
export const METADATA_BYTES_MAX = 512;
export const REASON_BYTES_MAX = 200;
export const CATEGORIES_PER_EVENT_MAX = 200;
export const PRICE_TYPES_PER_CATEGORY_MAX = 20;
/** All that an event ever had: claims refer to them by number. */
export const PRICE_TYPES_PER_EVENT_MAX = 255;
/** What stays of an archived event, JSON text. */
export const ARCHIVE_SUMMARY_BYTES_MAX = 256;
export const REFERENCE_BYTES_MAX = 64;
export const IDEMPOTENCY_KEY_BYTES_MAX = 128;
export const REQUEST_ID_BYTES_MAX = 64;
export const EVENT_BODY_BYTES_MAX = 1024 * 1024;
export const BODY_BYTES_MAX = 64 * 1024;
/** 2,000 seats with the longest of labels. */
export const BLOCK_BODY_BYTES_MAX = 256 * 1024;
export const TARGET_BYTES_MAX = 4096;
export const HEADERS_BYTES_MAX = 16 * 1024;
export const SECTIONS_PER_EVENT_MAX = 1000;
export const PLACES_PER_EVENT_MAX = 2_000_000;
/** Money in minor units: fits an unsigned word of a claim's item with room to spare. */
export const PRICE_MAX = 2_000_000_000;
export const HOLD_SECONDS_MAX = 7 * 24 * 3600;
export const NAME_CHARS_MAX = 200;
export const IDEMPOTENCY_TTL_MS = 24 * 3600 * 1000;
/** Bodies of admitted requests, added up: what waits is bounded in bytes, too. */
export const QUEUE_BYTES_MAX = 256 * 1024 * 1024;
/** Admitted requests that a client may have, and their bodies, however many others there are: see dispatch/account.ts. */
export const CLIENT_QUEUE_MIN = 64;
export const CLIENT_QUEUE_BYTES_MIN = 4 * 1024 * 1024;
/** How long an ended hold stays readable while there is room. */
export const ENDED_HOLD_READABLE_MS = 3600 * 1000;
/** Commands in one batch: bounds how long one batch keeps an event's mutex. */
export const BATCH_COMMANDS_MAX = 64;
/** Due holds that one sweep expires. */
export const SWEEP_MAX = 64;
/**
 * The largest frame of most commands: header and facts (200), 100 items (16 each), the counts of 100 sections (20 each),
 * customer and reference (64 each), metadata (512), a reason (200), an idempotency key and its client's share (56).
 */
export const COMMAND_FRAME_BYTES_MAX = 5120;
/** Of a change to a hold: the items that come, and those that go. */
export const CHANGE_FRAME_BYTES_MAX = 8192;
/** Of blocking and unblocking: 2,000 seats (4 each) in 1,000 sections (16 each). */
export const BLOCK_FRAME_BYTES_MAX = 24_576;
/** Holds that ran out while the server was down get this long after it is ready. */
export const RESTART_GRACE_MS = 30_000;
/** A peer that does not read its replies is paused at this many buffered bytes, and closed after the time. */
export const REPLY_BUFFER_BYTES_MAX = 64 * 1024;
export const REPLY_STALL_MS = 10_000;
/**
 * A request that was received in time and waits for its turn on its connection delays the expiry of its event's holds by
 * this long at most. A peer that reads its replies slowly makes its turn wait, and must not keep holds alive with that; one
 * that reads nothing is closed sooner (REPLY_STALL_MS).
 */
export const TURN_WAIT_MS_MAX = 30_000;
/** Of a connection on which nothing is asked and nothing is owed. */
export const KEEP_ALIVE_TIMEOUT_MS = 60_000;
/** Live updates that are open at once; of one client; and the part of all connections that they may take. */
export const LIVE_STREAMS_MAX = 10_000;
export const LIVE_STREAMS_PER_CLIENT_MAX = 100;
export const LIVE_CONNECTIONS_SHARE = 0.75;
/** The least time between two reads of one event's changes, however many follow it. */
export const LIVE_INTERVAL_MS = 100;
/** Reads under way for those who begin, or have fallen behind. */
export const LIVE_READS_MAX = 32;
export const LIVE_HEARTBEAT_MS = 15_000;
/** On the port for operators. */
export const OPS_CONNECTIONS_MAX = 64;
/** A batch that has not come back after this is taken for hung, and its worker is killed. */
export const BATCH_HUNG_MS = 10_000;

/** A journal that has not moved for so long, while somebody waits for it, takes no changes until it moves again. */
export const STALL_AFTER_MS = 5000;

/** Sealed segments from one snapshot to the next. */
export const SNAPSHOT_SEGMENTS_DEFAULT = 4;
/** Journal kept for history beyond what recovery needs. */
export const HISTORY_BYTES_DEFAULT = 1024 * 1024 * 1024;

export interface Limits {
  readonly workers: number;
  readonly arenaBytes: number;
  readonly ringBytes: number;
  readonly eventsMax: number;
  readonly segmentBytes: number;
  readonly connectionsMax: number;
  readonly queueMax: number;
  /** Bytes of claim memory set aside for each place of an event. */
  readonly claimBytesPerPlace: number;
  /** Idempotency keys remembered for each place of an event. */
  readonly keysPerPlace: number;
}

export const DEFAULT_LIMITS: Limits = {
  workers: Math.max(1, Math.min(16, availableParallelism() - 1)),
  arenaBytes: 1024 * 1024 * 1024,
  ringBytes: 16 * 1024 * 1024,
  eventsMax: 4096,
  segmentBytes: 64 * 1024 * 1024,
  connectionsMax: 10_000,
  queueMax: 8192,
  claimBytesPerPlace: 192,
  keysPerPlace: 2,
};

/** What an operator may choose from. */
export const LIMIT_RANGES: Readonly<Record<keyof Limits, readonly [min: number, max: number]>> = {
  workers: [1, 31],
  arenaBytes: [8 * 1024 * 1024, 16 * 1024 * 1024 * 1024],
  ringBytes: [1024 * 1024, 1024 * 1024 * 1024],
  eventsMax: [1, 65_000],
  segmentBytes: [4 * 1024 * 1024, 1024 * 1024 * 1024],
  connectionsMax: [1, 1_000_000],
  queueMax: [1, 1_000_000],
  claimBytesPerPlace: [128, 4096],
  keysPerPlace: [1, 64],
};

/**
 * Fills in defaults and checks ranges.
 * @throws FrontrowError `bad-option` that names the option, its value and its range
 */
export function resolveLimits(options: Partial<Limits>): Limits {
  const limits: Record<keyof Limits, number> = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(LIMIT_RANGES) as (keyof Limits)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const [min, max] = LIMIT_RANGES[name];
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new FrontrowError(
        'bad-option',
        `${name} is ${value}; it must be a whole number from ${min} to ${max}`,
      );
    }
    limits[name] = value;
  }
  return limits;
}
