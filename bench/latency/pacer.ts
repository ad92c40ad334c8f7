/**
 * The pacer's process: a child of the bench (child.ts) that is asked for runs of the open loop, one after the
 * other. It lives as long as they do, so that only the first one is run by code that V8 has not compiled yet.
 */
import { serveParent } from '../child-side.ts';
import { runPaced } from './paced-run.ts';
import type { PaceOptions } from './paced-run.ts';

serveParent({
  url: '',
  groups: () => 0,
  answer: (question) => runPaced(JSON.parse(question) as PaceOptions),
  close: () => Promise.resolve(),
});
