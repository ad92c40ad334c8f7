/** A Frontrow server in a process of its own, started by the bench. */
import { createServer } from '../src/server.ts';
import type { ServerOptions } from '../src/server.ts';
import { childOptions, serveParent } from './child-side.ts';

const server = await createServer({ port: 0, ...(childOptions() as ServerOptions) });
void server.lost.then((error) => {
  process.stderr.write(`the server lost its journal: ${error.message}\n`);
  process.exit(1);
});
serveParent({
  url: server.url,
  groups: () => server.statistics().groups,
  batches: () => server.statistics().dispatch?.batchesTotal.write ?? 0,
  close: () => server.close(),
});
