/** Frontrow as a library: a server in this process. The typed client is `frontrow/client`. */
export { createServer } from './server.ts';
export type { FrontrowServer, ServerOptions } from './server.ts';
export { FrontrowError } from './core/assert.ts';
export type { FaultCode } from './core/assert.ts';
export type { KeyEntry, KeysFile } from './core/keys.ts';
