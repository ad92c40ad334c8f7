/** HTTP/1.1 over a bare socket, as little of it as the bench needs: what is measured is the server, not a client. */
import type { Socket } from 'node:net';
import { assert } from '../src/core/assert.ts';
import { FLOOR, QUANTITY, requestBody } from './requests.ts';
import type { LoadKind } from '../src/cli/load.ts';

export interface PostTarget {
  /** `127.0.0.1:8080` */
  readonly host: string;
  readonly path: string;
  readonly kind: LoadKind;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An order or a hold for two places on the floor; `name` is its idempotency key and its customer. */
export function postText({ host, path, kind, headers }: PostTarget, name: string): string {
  const body = requestBody(kind, FLOOR, QUANTITY, name);
  const more = Object.entries(headers ?? {}).map(([header, value]) => `${header}: ${value}\r\n`);
  return (
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${more.join('')}` +
    `Idempotency-Key: ${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

/**
 * Calls back with each whole reply. For a socket that has one request under way at a time, whose replies tell their
 * length. Returns how to stop.
 */
export function onReply(socket: Socket, take: (status: number, body: string) => void): () => void {
  let reply = '';
  const read = (chunk: Buffer): void => {
    reply += chunk.toString('latin1');
    const end = reply.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(reply)?.[1] ?? 0);
    if (reply.length < end + 4 + length) return;
    assert(reply.length === end + 4 + length, 'one reply at a time');
    const whole = reply;
    reply = '';
    take(Number(whole.slice(9, 12)), whole.slice(end + 4));
  };
  socket.on('data', read);
  return () => socket.off('data', read);
}
