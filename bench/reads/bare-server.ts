/**
 * What reads stand against: a bare `node:http` server that keeps nothing. It answers each path with as many bytes as
 * Frontrow does, knows one entity tag for all of them, and takes orders as the bench's other baseline does: it parses
 * the JSON and answers what Frontrow answered once.
 */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { childOptions, serveParent } from '../child-side.ts';

export interface BareOptions {
  /** By the end of their path, the last one first that fits; `accept` where it depends on that. */
  readonly gets: readonly BareGet[];
  readonly etag: string;
  /** The reply to every order. */
  readonly order: string;
}

export interface BareGet {
  readonly end: string;
  readonly type: string;
  readonly bytes: number;
}

const { gets, etag, order } = childOptions() as BareOptions;
const replies = gets.map(({ end, type, bytes }) => ({ end, type, body: Buffer.alloc(bytes, 'a') }));
const orderBody = Buffer.from(order);

function reply(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length, ETag: etag });
  response.end(body);
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const { accept = 'application/json', 'if-none-match': tag } = request.headers;
    if (tag === etag) {
      response.writeHead(304, { ETag: etag }).end();
      return;
    }
    const found = replies.find(({ end, type }) => request.url?.endsWith(end) === true && type === accept);
    if (found === undefined) response.writeHead(404).end();
    else reply(response, 200, found.type, found.body);
    return;
  }
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (text += chunk));
  request.on('end', () => {
    const { items } = JSON.parse(text) as { items: unknown[] };
    reply(response, items.length > 0 ? 201 : 422, 'application/json', orderBody);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  serveParent({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    groups: () => 0,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  });
});
