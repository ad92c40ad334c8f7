import t from 'tap';
import { createLeanListener } from '../../src/http/lean-listener.ts';
import type { ListenerFactory } from '../../src/http/listener.ts';
import { createNodeListener } from '../../src/http/node-listener.ts';
import { CORPUS, listenerDifferential } from '../http/listener-differential.ts';
import { cutsEverywhere } from '../http/support/fuzz-case.ts';
import { NODE_AND_LEAN } from '../http/support/fuzz-differences.ts';
import { changing, forgetful } from '../http/support/fuzz-flaws.ts';
import { FuzzPair, describe } from '../http/support/fuzz-pair.ts';

listenerDifferential('node:http and lean', createNodeListener, createLeanListener, NODE_AND_LEAN);

interface Flaw {
  readonly name: string;
  readonly create: ListenerFactory;
  /** The cases to look in, by their names. */
  readonly cases: RegExp;
  /** What is left of the case it is found in; null: there is nothing to find. */
  readonly left: RegExp | null;
}

/** Node's listener, as if it read other bytes than were sent. */
function misreading(pattern: RegExp, replacement: string): ListenerFactory {
  return changing(createNodeListener, (bytes) => bytes.replaceAll(pattern, replacement));
}

const FLAWS: readonly Flaw[] = [
  { name: 'none', create: misreading(/$/g, ''), cases: /^pipeline/, left: null },
  {
    name: 'a header is swallowed',
    create: forgetful(createNodeListener),
    cases: /^header/,
    left: /idempotency-key:/i,
  },
  {
    name: 'a length with a sign is taken',
    create: misreading(/(?<=Content-Length: )\+/g, ''),
    cases: /^length/,
    left: /Content-Length: \+/,
  },
  {
    name: 'space before a colon is taken',
    create: misreading(/(?<=Content-Length) (?=:)/g, ''),
    cases: /^lengths/,
    left: /Content-Length :/,
  },
  {
    name: 'a bare LF ends a line',
    create: misreading(/(?<=[^\r])\n/g, '\r\n'),
    cases: /^chunk lines/,
    left: /[^\r]\n/,
  },
  {
    name: 'a line end is missed if a read begins within it',
    create: misreading(/^\n/g, ''),
    cases: /^line end/,
    left: /\r\n/,
  },
];

t.test('a flaw is found, and the case it is found in made small', async (t) => {
  for (const { name, create, cases, left } of FLAWS) {
    const pair = await FuzzPair.start(createNodeListener, create, []);
    const wanted = CORPUS.filter((one) => cases.test(one.name));
    const runs = wanted.flatMap((one) => [
      { ...one, cuts: [] },
      { ...one, cuts: cutsEverywhere(one.bytes) },
    ]);
    const differences = await pair.findDifferences(runs);
    await pair.stop();
    t.equal(differences.length, left === null ? 0 : 1, `${name}: ${differences.map(describe).join()}`);
    if (left === null) continue;
    const bytes = differences[0]?.run.bytes ?? '';
    t.match(bytes, left, name);
    t.ok(bytes.length < 80, 'little is left');
  }
});
