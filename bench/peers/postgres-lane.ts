/**
 * A pipelined connection to PostgreSQL whose statements leave together: pg would make a system call for each. What is
 * asked in one turn of the event loop is one write at its end, which costs the server process a third less for a hold.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import type { StoreLost } from './hold-store.ts';
import type { Lane } from './lanes.ts';
import { POSTGRES_USER } from './postgres-server.ts';

export class PostgresLane implements Lane {
  readonly #client: pg.Client;
  readonly #socket: Socket;
  #isCorked = false;

  private constructor(client: pg.Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
  }

  static async open(config: pg.ClientConfig, lost: StoreLost): Promise<PostgresLane> {
    const socket = new Socket();
    const client = await connectPostgres({ ...config, pipeline: true, stream: () => socket }, lost);
    return new PostgresLane(client, socket);
  }

  query<R extends pg.QueryResultRow>(config: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      // After the sockets of this turn have been read, and with them all requests that came together.
      setImmediate(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    return this.#client.query<R>(config);
  }

  close(): Promise<void> {
    return this.#client.end();
  }
}

export async function connectPostgres(config: pg.ClientConfig, lost: StoreLost): Promise<pg.Client> {
  const client = new pg.Client({ ...config, user: POSTGRES_USER });
  client.on('error', lost);
  await client.connect();
  return client;
}
