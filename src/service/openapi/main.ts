/** Writes the OpenAPI document to a file: `node dist/src/service/openapi/main.js docs/openapi.json`. */
import { writeFileSync } from 'node:fs';
import { assert } from '../../core/assert.ts';
import { openApiText } from './document.ts';

const [, , file] = process.argv;
assert(file !== undefined, 'the name of the file to write is given');
writeFileSync(file, openApiText());
