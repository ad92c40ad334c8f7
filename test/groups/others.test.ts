import { runOtherFolders } from './run-folders.ts';

await runOtherFolders();
