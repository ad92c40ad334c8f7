/** A canned HTTP server for client and command tests: replies by a function, remembers what it was asked. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Canned {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cuts the connection instead of answering: the request arrived, the answer never does. */
  readonly cut?: boolean;
}

export interface FakeServer {
  readonly url: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

export async function startFakeServer(reply: (asked: Asked) => Canned): Promise<FakeServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url: path = '', headers } = request;
      const entry = { method, path, headers, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
      asked.push(entry);
      const canned = reply(entry);
      if (canned.cut === true) {
        request.socket.destroy();
        return;
      }
      response.writeHead(canned.status, { 'content-type': 'application/json', ...canned.headers });
      if (Buffer.isBuffer(canned.body) || typeof canned.body === 'string') response.end(canned.body);
      else response.end(canned.body === undefined ? undefined : JSON.stringify(canned.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A problem as the real server writes it. */
export function problem(status: number, code: string, extras: Record<string, unknown> = {}): Canned {
  const body = {
    type: `urn:frontrow:problem:${code}`,
    title: code,
    status,
    detail: `It is ${code}`,
    code,
    applied: false,
  };
  return { status, body: { ...body, ...extras }, headers: { 'content-type': 'application/problem+json' } };
}

/** A port on which nothing listens: it was free a moment ago. */
export async function deadUrl(): Promise<string> {
  const server = await startFakeServer(() => ({ status: 200 }));
  await server.close();
  return server.url;
}
