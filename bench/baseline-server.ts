/**
 * What the ratios stand against: a bare `node:http` server that keeps nothing. It parses the same JSON and answers
 * with a body of the same size, byte for byte one that Frontrow sent for the same request.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { childOptions, serveParent } from './child-side.ts';
import { replyKey } from './requests.ts';
import type { RequestBody } from './requests.ts';

export interface BaselineOptions {
  /** Replies to POSTs by replyKey() of their body. */
  readonly posts: Readonly<Record<string, { readonly status: number; readonly body: string }>>;
  /** The reply to every GET. */
  readonly get: string;
}

const options = childOptions() as BaselineOptions;
const posts = new Map(
  Object.entries(options.posts).map(([key, { status, body }]) => [key, { status, body: Buffer.from(body) }]),
);
const get = Buffer.from(options.get);

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': get.length });
    response.end(get);
    return;
  }
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (text += chunk));
  request.on('end', () => {
    const reply = posts.get(replyKey(JSON.parse(text) as RequestBody));
    if (reply === undefined) {
      response.writeHead(500).end();
      return;
    }
    response.writeHead(reply.status, {
      'Content-Type': 'application/json',
      'Content-Length': reply.body.length,
    });
    response.end(reply.body);
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
