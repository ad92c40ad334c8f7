/** A thread that gives way does so alone: the threads that buyers wait for keep their priority. */
import { readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';

const HELPER = new URL('../../src/core/thread-priority.js', import.meta.url).href;

/** Nice values of this process' threads by thread id. Source: proc(5), /proc/[pid]/stat, field 19. */
function niceValues(): Map<number, number> {
  const fieldsBehindName = (tid: string): string[] => {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  };
  return new Map(
    readdirSync('/proc/self/task').map((tid) => [Number(tid), Number(fieldsBehindName(tid)[16])]),
  );
}

t.test(
  'only the thread that calls gives way',
  { skip: process.platform === 'linux' ? false : 'priorities are of threads on Linux only' },
  async (t) => {
    const before = niceValues();
    const own = before.get(process.pid);
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       import(${JSON.stringify(HELPER)}).then(({ giveWay }) => {
         giveWay();
         parentPort.once('message', () => parentPort.close());
         parentPort.postMessage('done');
       });`,
      { eval: true },
    );
    await once(worker, 'message');
    const after = niceValues();
    const lowered = [...after].filter(([tid, nice]) => nice !== (before.get(tid) ?? own));
    t.equal(lowered.length, 1, 'one thread');
    t.notOk(before.has(lowered[0]?.[0] ?? 0), 'the new one');
    t.ok((lowered[0]?.[1] ?? 0) > (own ?? 0), 'goes after the others');
    worker.postMessage('end');
    await once(worker, 'exit');
  },
);
