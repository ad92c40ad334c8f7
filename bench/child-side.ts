/** The other end of child.ts: what a server process says to the bench that started it. */
import { assert } from '../src/core/assert.ts';
import type { ChildMessage, ParentMessage } from './child.ts';

export interface ChildServer {
  readonly url: string;
  groups(): number;
  batches?(): number;
  close(): Promise<void>;
}

/** The options that the parent gave. */
export function childOptions(): unknown {
  const text = process.argv[2];
  assert(text !== undefined, 'a bench child is given its options');
  return JSON.parse(text) as unknown;
}

/** Says that the server listens, answers what it used, and ends with its parent. */
export function serveParent(server: ChildServer): void {
  const tell = (message: ChildMessage): void => {
    if (process.connected) process.send?.(message);
  };
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: ParentMessage) => {
    switch (message.kind) {
      case 'usage': {
        const { user, system } = process.cpuUsage();
        const batches = server.batches?.() ?? 0;
        tell({ kind: 'usage', cpuMicros: user + system, groups: server.groups(), batches });
        break;
      }
      case 'stop':
        void server.close().then(() => process.exit(0));
        break;
    }
  });
  tell({ kind: 'ready', url: server.url });
}
