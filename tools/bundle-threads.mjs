// Makes each thread's entry in dist/workers one file, with what it imports from us and with typebox, which alone is
// 700 modules: a worker starts on a quarter of the processor time then, and it starts again whenever one is lost.
// Other packages stay outside. Runs at the end of `npm run build`; without it everything works too, only slower.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const INSIDE = 'typebox';

const root = fileURLToPath(new URL('..', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const license = readFileSync(`${root}/node_modules/${INSIDE}/license`, 'utf8');

await build({
  entryPoints: readdirSync(`${root}/dist/workers`)
    .filter((name) => name.endsWith('.js'))
    .map((name) => `${root}/dist/workers/${name}`),
  outdir: `${root}/dist/workers`,
  allowOverwrite: true,
  bundle: true,
  external: Object.keys(dependencies).filter((name) => name !== INSIDE),
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  sourcesContent: false,
  banner: { js: `/*! Contains ${INSIDE}:\n\n${license.trim()}\n*/` },
  logLevel: 'warning',
});
