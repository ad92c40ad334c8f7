/** `frontrow completion`: a script for the shell that asks `complete.ts` what could come next. */
import { defineCommand } from './command.ts';
import { PATH_OPTIONS } from './complete.ts';
import { UsageError } from './exits.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export const completion = defineCommand({
  usage: 'completion [shell]',
  describe: 'Print a script that completes commands, options and event ids',
  positionals: { shell: { choices: SHELLS, describe: 'The shell of $SHELL unless given' } },
  options: {},
  examples: [
    ['source <(frontrow completion bash)', 'in ~/.bashrc'],
    ['source <(frontrow completion zsh)', 'in ~/.zshrc, after compinit'],
    ['frontrow completion fish > ~/.config/fish/completions/frontrow.fish', ''],
  ],
  async run(args, session) {
    const login = session.terminal.env['SHELL']?.split('/').at(-1);
    const named = args.shell ?? login;
    const shell = SHELLS.find((candidate) => candidate === named);
    if (shell === undefined) throw new UsageError(`say for which shell: ${SHELLS.join(', ')}`);
    await session.write(SCRIPTS[shell]);
  },
});

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# frontrow completion for bash
_frontrow() {
  local value
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    COMPREPLY+=("$value")
  done < <(frontrow __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _frontrow frontrow
`,
  zsh: `#compdef frontrow
# frontrow completion for zsh
_frontrow() {
  local value text
  local -a found
  while IFS=$'\\t' read -r value text; do
    found+=("\${value//:/\\\\:}:$text")
  done < <(frontrow __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then _describe frontrow found; else _files; fi
}
if [[ "\${funcstack[1]}" == _frontrow ]]; then _frontrow "$@"; else compdef _frontrow frontrow; fi
`,
  fish: `# frontrow completion for fish
function __frontrow_complete
  set -l words (commandline -opc) (commandline -ct)
  frontrow __complete $words[2..] 2>/dev/null
end
complete -c frontrow --no-files -a '(__frontrow_complete)'
${PATH_OPTIONS.map((name) => `complete -c frontrow -l ${name} -r -F`).join('\n')}
`,
};
