/**
 * How our threads are started: without the modules that the process was told to preload (`--import`, `--require`,
 * `--loader`, also in NODE_OPTIONS). A thread would load each of them again: a second or more per thread with a test
 * runner's or an agent's hooks, and code of others between a worker and its mutex.
 */

const PRELOADS = new Set(['--import', '--require', '-r', '--loader', '--experimental-loader']);

/** Flags without those that preload a module, and without the modules that follow such a flag. */
export function withoutPreloads(flags: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const [name] = flags[i].split('=', 1);
    if (!PRELOADS.has(name)) kept.push(flags[i]);
    else if (!flags[i].includes('=')) i++;
  }
  return kept;
}

/** NODE_OPTIONS as flags: parted by spaces, but for those in double quotes. Source: Node's CLI documentation. */
export function splitNodeOptions(text: string): string[] {
  const found = text.match(/(?:"(?:\\.|[^"\\])*"|\S)+/g) ?? [];
  return found.map((flag) =>
    flag.replaceAll(/"((?:\\.|[^"\\])*)"/g, (_, inner: string) => inner.replaceAll(/\\(.)/g, '$1')),
  );
}

/**
 * Options for `new Worker`. Of NODE_OPTIONS all other flags are kept. The flags of the command line are inherited, or none
 * of them is: Node refuses a list that has one of V8's or the process's in it, and those hold for all threads anyway.
 */
export function threadOptions(): { readonly execArgv?: string[]; readonly env: NodeJS.ProcessEnv } {
  const { NODE_OPTIONS: nodeOptions, ...env } = process.env;
  const kept = withoutPreloads(splitNodeOptions(nodeOptions ?? ''));
  const quoted = kept.map((flag) => (/[\s"\\]/.test(flag) ? JSON.stringify(flag) : flag));
  const preloads = withoutPreloads(process.execArgv).length < process.execArgv.length;
  return {
    ...(preloads && { execArgv: [] }),
    env: quoted.length === 0 ? env : { ...env, NODE_OPTIONS: quoted.join(' ') },
  };
}
