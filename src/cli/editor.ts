/** Lets a person change a text in their own editor: `$VISUAL`, `$EDITOR`, or vi. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './exits.ts';
import { shellWord } from './format.ts';
import type { Session } from './session.ts';

/** The text afterwards. Throws a UsageError when the editor cannot be started, or ends with a failure. */
export async function editText(text: string, name: string, session: Session): Promise<string> {
  const { env } = session.terminal;
  const editor = env['VISUAL'] || env['EDITOR'] || 'vi';
  const directory = await mkdtemp(join(tmpdir(), 'frontrow-'));
  const file = join(directory, name);
  try {
    await writeFile(file, text, { mode: 0o600 });
    // $EDITOR may hold arguments, such as `code --wait`: by custom a shell takes it apart.
    const child = spawn('/bin/sh', ['-c', `${editor} ${shellWord(file)}`], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new UsageError(`the editor ${editor} ended with ${code ?? 'a signal'}`);
    return await readFile(file, 'utf8');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
