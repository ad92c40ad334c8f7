import { runFolders } from './run-folders.ts';

await runFolders(import.meta.url);
