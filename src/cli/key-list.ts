/** `frontrow key list`: checks a keys file as the server would, and shows who may do what. Never a hash. */
import { readKeysFile } from '../core/keys-file.ts';
import { defineCommand } from './command.ts';

export const keyList = defineCommand({
  group: 'key',
  usage: 'list <file>',
  describe: 'Check a keys file, and show who may do what',
  positionals: { file: { type: 'string', demandOption: true, describe: 'The keys file' } },
  options: {},
  examples: [['frontrow key list keys.json && kill -HUP $(pidof frontrow)', 'never reload what is no good']],
  async run({ file }, session) {
    const { keys, warnings } = await readKeysFile(file);
    for (const warning of warnings) session.tell(`frontrow: WARNING: ${warning}`);
    const rows = keys.map(({ id, role, events, digests }) => ({ id, role, events, hashes: digests.length }));
    if (session.json) {
      for (const { events, ...row } of rows) await session.printJson({ ...row, events: events.split(',') });
    } else if (session.quiet) {
      await session.print(...rows.map(({ id }) => id));
    } else {
      const cells = rows.map(({ id, role, events, hashes }) => [
        id,
        role,
        events === '*' ? 'all' : events.replaceAll(',', ' '),
        hashes === 1 ? '' : `${hashes} keys: being replaced`,
      ]);
      await session.print(...session.table(['id', 'role', 'events', ''], cells));
    }
  },
});
