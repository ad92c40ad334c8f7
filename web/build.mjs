// Puts what the server shows at /openapi.json and /docs into dist/web: the document, our page, and the viewer's files,
// so that the package carries them and needs no viewer when it is installed. Run by `npm run build`, after tsc.
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'dist', 'web');
const viewer = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

mkdirSync(target, { recursive: true });
copyFileSync(join(root, 'docs', 'openapi.json'), join(target, 'openapi.json'));
for (const name of ['docs.html', 'docs.css', 'docs.mjs'])
  copyFileSync(join(root, 'web', name), join(target, name));
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-ui-bundle.js.LICENSE.txt'])
  copyFileSync(join(viewer, name), join(target, name));
// Apache 2.0 asks for its text and the notice to go with the files.
copyFileSync(join(viewer, 'LICENSE'), join(target, 'swagger-ui.LICENSE.txt'));
copyFileSync(join(viewer, 'NOTICE'), join(target, 'swagger-ui.NOTICE.txt'));
