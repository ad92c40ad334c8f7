/** The other end of child.ts: what a server process says to the bench that started it. */
import { assert } from '../src/core/assert.ts';
import type { ChildMessage, ParentMessage, Usage } from './child.ts';

export interface ChildServer {
  readonly url: string;
  groups(): number;
  batches?(): number;
  /** What its parent asks beyond what it used. */
  answer?(question: string): Promise<unknown>;
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
  const fail = (cause: unknown): void => tell({ kind: 'failed', message: String(cause) });
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: ParentMessage) => {
    switch (message.kind) {
      case 'usage':
        tell({ kind: 'answer', answer: usageOf(server) });
        break;
      case 'ask':
        assert(server.answer !== undefined, 'a child is asked what it can answer');
        server.answer(message.question).then((answer) => tell({ kind: 'answer', answer }), fail);
        break;
      case 'stop':
        void server.close().then(() => process.exit(0));
        break;
    }
  });
  tell({ kind: 'ready', url: server.url });
}

function usageOf(server: ChildServer): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, groups: server.groups(), batches: server.batches?.() ?? 0 };
}
