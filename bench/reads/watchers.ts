/**
 * A few readers beside the hammer that look at what they are answered, which wrk cannot without slowing down. Each asks
 * for one event's availability, by turns with and without the tag that it was given last.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onReply } from '../wire.ts';
import { sequenceIn } from './order-load.ts';
import type { Told } from './told.ts';

export interface WatchOptions {
  readonly url: string;
  readonly event: string;
  /** What the entity tags of Frontrow begin with. */
  readonly tagPrefix: string;
  /** Null for a server whose answers mean nothing: it is only given the same work. */
  readonly told: Told | null;
}

const WATCHERS = 4;
const PAUSE_MS = 10;

interface Answer {
  readonly status: number;
  readonly body: string;
}

export class Watchers {
  readonly #options: WatchOptions;
  readonly #loops: Promise<void>[] = [];
  #isOver = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    for (let index = 0; index < WATCHERS; index++) this.#loops.push(this.#watch());
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #watch(): Promise<void> {
    const { url, event, tagPrefix, told } = this.#options;
    const { hostname, port, host } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on('error', () => {});
    await once(socket, 'connect');
    let known = -1;
    for (let count = 0; !this.#isOver; count++) {
      const tag = known >= 0 && count % 2 === 1 ? `If-None-Match: "${tagPrefix}${known}"\r\n` : '';
      const floor = told?.latest(event) ?? 0;
      const answer = await exchange(
        socket,
        `GET /v1/events/${event}/availability HTTP/1.1\r\nHost: ${host}\r\n${tag}\r\n`,
      );
      // The server was killed under it.
      if (answer === null) break;
      known = answer.status === 200 ? sequenceIn(answer.body) : known;
      if (told !== null) judge(told, event, floor, answer, tag, known);
      await sleep(PAUSE_MS);
    }
    socket.destroy();
  }
}

function judge(told: Told, event: string, floor: number, answer: Answer, tag: string, known: number): void {
  if (answer.status === 200) told.read(event, floor, known);
  else if (answer.status === 304 && tag !== '') told.unchanged(event, floor, known);
  else told.fault(`a read was answered with ${answer.status}`);
}

/** Null when the connection closes instead. */
function exchange(socket: Socket, text: string): Promise<Answer | null> {
  return new Promise((resolve) => {
    const closed = (): void => resolve(null);
    const stop = onReply(socket, (status, body) => {
      stop();
      socket.off('close', closed);
      resolve({ status, body });
    });
    if (socket.destroyed) resolve(null);
    socket.once('close', closed);
    socket.write(text);
  });
}
