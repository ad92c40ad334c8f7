/** A Frontrow server as a child of the bench; apart from child-side.ts, since the baseline loads none of this. */
import { createServer } from '../src/server.ts';
import type { FrontrowServer, ServerOptions } from '../src/server.ts';
import { childOptions, serveParent } from './child-side.ts';

/** With the options that the parent gave. `answer` is asked what only this entry knows. */
export async function serveFrontrow(
  answer?: (server: FrontrowServer, question: string) => Promise<unknown>,
): Promise<void> {
  const server = await createServer({ port: 0, ...(childOptions() as ServerOptions) });
  void server.lost.then((error) => {
    process.stderr.write(`the server lost its journal: ${error.message}\n`);
    process.exit(1);
  });
  serveParent({
    url: server.url,
    groups: () => server.statistics().groups,
    batches: () => server.statistics().dispatch?.batchesTotal.write ?? 0,
    ...(answer !== undefined && { answer: (question: string) => answer(server, question) }),
    close: () => server.close(),
  });
}
