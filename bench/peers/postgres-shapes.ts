/**
 * Two ways to keep places in PostgreSQL, each a schema and one statement that takes places and inserts the hold. The
 * statement is its own transaction: one round trip, and no time between its parts in which a lock is held for nothing.
 *
 * A key that was used before violates the unique index, which undoes the whole statement. ON CONFLICT DO NOTHING would
 * leave the places taken.
 */
import type { PeerVariant } from './variants.ts';

export type Shape = Extract<PeerVariant, { store: 'postgres' }>['shape'];

export interface PostgresShape {
  readonly schema: string;
  /** $1 event, $2 section, $3 capacity. */
  readonly define: readonly string[];
  /** Inserts a hold, or none: values as INSERT_HOLD, and for rows $9, the place to begin at. */
  readonly take: string;
  /** For rows: waits for those who look at the same places, and misses none. Returns the last place that it took. */
  readonly takeExactly: string | null;
  /** $1 event. */
  readonly available: string;
}

const HOLDS = `
CREATE TABLE sections (
  event text, section text, capacity integer NOT NULL, available integer CHECK (available >= 0),
  PRIMARY KEY (event, section)
) WITH (fillfactor = 10);
CREATE TABLE holds (
  id uuid PRIMARY KEY, event text NOT NULL, section text NOT NULL, quantity integer NOT NULL, customer text NOT NULL,
  key text NOT NULL, created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
  UNIQUE (event, key)
);
CREATE INDEX deadlines ON holds (expires_at);
`;

/** $1 id, $2 event, $3 section, $4 quantity, $5 customer, $6 key, $7 and $8 the times. */
const INSERT_HOLD = `
INSERT INTO holds (id, event, section, quantity, customer, key, created_at, expires_at)
SELECT $1::uuid, $2, $3, $4::integer, $5, $6, $7::timestamptz, $8::timestamptz`;

/** Places in order from $9 on; the partial index has no places that are gone. */
const takeRows = (lock: string): string => `
WITH picked AS MATERIALIZED (
  SELECT place FROM places
  WHERE event = $2 AND section = $3 AND hold IS NULL AND place >= $9::integer
  ORDER BY place LIMIT $4::integer ${lock}
), taken AS (
  UPDATE places SET hold = $1::uuid
  WHERE event = $2 AND section = $3 AND place = ANY (ARRAY(SELECT place FROM picked))
    AND (SELECT count(*) FROM picked) = $4::integer
  RETURNING place
)
${INSERT_HOLD} WHERE (SELECT count(*) FROM taken) = $4::integer`;

export const SHAPES: Readonly<Record<Shape, PostgresShape>> = {
  count: {
    schema: HOLDS,
    define: ['INSERT INTO sections VALUES ($1, $2, $3, $3)'],
    take: `
WITH taken AS (
  UPDATE sections SET available = available - $4::integer
  WHERE event = $2 AND section = $3 AND available >= $4::integer
  RETURNING section
)
${INSERT_HOLD} FROM taken`,
    takeExactly: null,
    available: 'SELECT sum(available)::integer AS available FROM sections WHERE event = $1',
  },
  rows: {
    schema: `${HOLDS}
CREATE TABLE places (
  event text, section text, place integer, hold uuid, PRIMARY KEY (event, section, place)
) WITH (fillfactor = 50);
CREATE INDEX free_places ON places (event, section, place) WHERE hold IS NULL;`,
    define: [
      'INSERT INTO sections VALUES ($1, $2, $3, NULL)',
      'INSERT INTO places SELECT $1, $2, place, NULL FROM generate_series(1, $3::integer) AS place',
    ],
    take: takeRows('FOR UPDATE SKIP LOCKED'),
    takeExactly: `${takeRows('FOR UPDATE')} RETURNING (SELECT max(place) FROM taken) AS last`,
    available: 'SELECT count(*)::integer AS available FROM places WHERE event = $1 AND hold IS NULL',
  },
};
