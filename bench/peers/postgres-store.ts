/**
 * Holds in PostgreSQL, by one of two shapes. Statements are prepared once on each connection, planned once, and
 * pipelined: the next one is there when a connection's process is done with the last.
 */
import type pg from 'pg';
import type { Counts, Hold, HoldOutcome, HoldStore, StoreLost, StoreSettings } from './hold-store.ts';
import { Lanes } from './lanes.ts';
import { connectPostgres, PostgresLane } from './postgres-lane.ts';
import { SHAPES } from './postgres-shapes.ts';
import type { PostgresShape, Shape } from './postgres-shapes.ts';

export interface PostgresStoreOptions {
  /** Directory of the server's Unix socket. */
  readonly host: string;
  /** Made by the store. */
  readonly database: string;
  readonly shape: Shape;
  readonly synchronousCommit: 'on' | 'off';
  readonly connections: number;
}

interface LastPlace {
  readonly last: number;
}

interface HoldRow {
  readonly id: string;
  readonly section: string;
  readonly quantity: number;
  readonly customer: string;
  readonly created_at: Date;
  readonly expires_at: Date;
}

const UNIQUE_VIOLATION = '23505';
const FIRST_PLACE = 1;
const BY_KEY = `
SELECT id, section, quantity, customer, created_at, expires_at FROM holds WHERE event = $1 AND key = $2`;
const COUNTS = `
SELECT (SELECT sum(capacity)::integer FROM sections WHERE event = $1) AS capacity,
  count(*)::integer AS holds, coalesce(sum(quantity), 0)::integer AS places
FROM holds WHERE event = $1`;

const SETTINGS = "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit";

export class PostgresStore implements HoldStore {
  readonly #shape: PostgresShape;
  readonly #admin: pg.Client;
  readonly #lanes: Lanes<PostgresLane>;
  /**
   * Where the next statement begins to look, by section: where the last one that was sent will probably end. Those that
   * run at the same time then look at different places. Only a hint: what is taken is for PostgreSQL to say.
   */
  readonly #hints = new Map<string, number>();

  private constructor(shape: PostgresShape, admin: pg.Client, lanes: Lanes<PostgresLane>) {
    this.#shape = shape;
    this.#admin = admin;
    this.#lanes = lanes;
  }

  static async open(options: PostgresStoreOptions, lost: StoreLost): Promise<PostgresStore> {
    const { host, database, synchronousCommit, connections } = options;
    const shape = SHAPES[options.shape];
    const first = await connectPostgres({ host, database: 'postgres' }, lost);
    await first.query(`CREATE DATABASE ${first.escapeIdentifier(database)}`);
    await first.end();
    const admin = await connectPostgres({ host, database }, lost);
    await admin.query(shape.schema);
    // No statement here is better off reading a whole table, which is what a plan made while it is empty would do.
    const settings = {
      synchronous_commit: synchronousCommit,
      plan_cache_mode: 'force_generic_plan',
      enable_seqscan: 'off',
    };
    const flags = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    const config = { host, database, options: flags.join(' ') };
    const lanes = new Lanes(() => PostgresLane.open(config, lost));
    await lanes.resize(connections);
    return new PostgresStore(shape, admin, lanes);
  }

  async take(hold: Hold, key: string): Promise<HoldOutcome> {
    const { id, event, customer, section, quantity, createdAt, expiresAt } = hold;
    const values = [id, event, section, quantity, customer, key, createdAt, expiresAt];
    const { take, takeExactly } = this.#shape;
    const isMade =
      takeExactly === null
        ? (await this.#try('take', take, values)).rowCount === 1
        : await this.#takeRows(take, takeExactly, values, `${event} ${section}`, quantity);
    if (isMade) return { kind: 'made' };
    // Either the key was used before, or there are too few places: both are rare next to a sale.
    const earlier = await this.#byKey(event, key);
    return earlier === null ? { kind: 'not-enough' } : { kind: 'earlier', hold: earlier };
  }

  async #takeRows(
    take: string,
    takeExactly: string,
    values: readonly unknown[],
    section: string,
    quantity: number,
  ): Promise<boolean> {
    const from = this.#hints.get(section) ?? FIRST_PLACE;
    this.#hints.set(section, from + quantity);
    if ((await this.#try('take', take, [...values, from])).rowCount === 1) return true;
    // What was locked may come free, and what is behind the hint may have: only this answer may be a refusal.
    const { rows } = await this.#try<LastPlace>('take-exactly', takeExactly, [...values, FIRST_PLACE]);
    if (rows.length === 0) return false;
    this.#hints.set(section, rows[0].last + 1);
    return true;
  }

  /** No row where the key was used before. */
  async #try<R extends pg.QueryResultRow>(
    name: string,
    text: string,
    values: unknown[],
  ): Promise<Pick<pg.QueryResult<R>, 'rows' | 'rowCount'>> {
    try {
      return await this.#lanes.run((lane) => lane.query<R>({ name, text, values }));
    } catch (cause) {
      if ((cause as { code?: string }).code === UNIQUE_VIOLATION) return { rows: [], rowCount: 0 };
      throw cause;
    }
  }

  async #byKey(event: string, key: string): Promise<Hold | null> {
    const { rows } = await this.#lanes.run((lane) =>
      lane.query<HoldRow>({ name: 'by-key', text: BY_KEY, values: [event, key] }),
    );
    if (rows.length === 0) return null;
    const { id, section, quantity, customer, created_at: createdAt, expires_at: expiresAt } = rows[0];
    const times = { createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
    return { id, event, customer, section, quantity, ...times };
  }

  async define(event: string, section: string, capacity: number): Promise<void> {
    for (const [index, text] of this.#shape.define.entries()) {
      // The section is text and the capacity a number in each of them.
      await this.#admin.query({ name: `define-${index}`, text, values: [event, section, capacity] });
    }
    await this.#admin.query('VACUUM (ANALYZE)');
  }

  async counts(event: string): Promise<Counts> {
    const counted = await this.#admin.query<Omit<Counts, 'available'>>(COUNTS, [event]);
    const left = await this.#admin.query<Pick<Counts, 'available'>>(this.#shape.available, [event]);
    return { ...counted.rows[0], ...left.rows[0] };
  }

  async clear(): Promise<void> {
    const tables = this.#shape === SHAPES.rows ? 'sections, holds, places' : 'sections, holds';
    await this.#admin.query(`TRUNCATE ${tables}`);
    await this.#admin.query('CHECKPOINT');
    this.#hints.clear();
  }

  resize(connections: number): Promise<void> {
    return this.#lanes.resize(connections);
  }

  async settings(): Promise<StoreSettings> {
    const shown = await this.#lanes.run((lane) =>
      lane.query<{ fsync: string; commit: string }>({ text: SETTINGS }),
    );
    const { fsync, commit } = shown.rows[0];
    return {
      durable: fsync === 'on' && commit === 'on',
      text: `fsync ${fsync}, synchronous_commit ${commit}`,
    };
  }

  async close(): Promise<void> {
    await this.#lanes.close();
    await this.#admin.end();
  }
}
