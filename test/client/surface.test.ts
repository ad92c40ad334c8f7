/** The client as a package: it stands alone, and its vocabulary is the server's. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { ProblemCode } from '../../src/client/index.ts';
import type { ProblemCode as ServerCode } from '../../src/core/problems.ts';

const SOURCE = fileURLToPath(new URL('../../src/client/', import.meta.url));

t.test('the compiled client imports nothing but itself, and names nothing of Node', (t) => {
  const files = readdirSync(SOURCE).filter((name) => name.endsWith('.js'));
  t.ok(files.length > 5);
  for (const name of files) {
    const code = readFileSync(SOURCE + name, 'utf8');
    const imports = [...code.matchAll(/\b(?:from|import)\s*\(?\s*(['"])(.*?)\1/g)].map((match) => match[2]);
    t.same(
      imports.filter((path) => !/^\.\/[a-z-]+\.js$/.test(path)),
      [],
      `${name} imports its own folder`,
    );
    const statements = code.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
    t.notMatch(statements, /\b(?:process|Buffer|require|global|setImmediate|__dirname)\b/, name);
  }
  t.end();
});

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

t.test('the problem codes are those of the server', (t) => {
  // The compiler says no when one side has a code that the other has not.
  const same: Same<ProblemCode, ServerCode> = true;
  t.ok(same);
  t.end();
});
