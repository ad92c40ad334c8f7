/**
 * Node in a process of its own, as a person would start it: command and arguments for spawn().
 *
 * The test runner puts its hooks into NODE_OPTIONS of every child, at the last moment. They cost a second of loading
 * each time, and they listen for signals that Node itself ignores. So a shell takes them out again, and then becomes
 * the process: its number and its signals are the child's.
 */

/** `before` is shell to run first, such as a limit; it ends in `&&` or `;`. */
export function nodeCommand(argv: readonly string[], before = ''): [command: string, argv: string[]] {
  const script = `unset NODE_OPTIONS; ${before} exec "$@"`;
  return ['sh', ['-c', script, 'sh', process.execPath, ...argv]];
}
