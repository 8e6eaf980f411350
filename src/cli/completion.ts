import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubexmError } from '../errors/index.js';
import type { Invocation, OptionSpec } from './command-spec.js';
import { groups, rootCommands } from './commands.js';
import { type Io, print } from './io.js';

/** `kubexm completion <shell>`: the script asks `kubexm complete -- WORDS…` for the answers. */
export async function run({ args, io }: Invocation): Promise<void> {
  const [shell] = args;
  if (shell !== 'bash' && shell !== 'zsh' && shell !== 'fish')
    throw new KubexmError('USAGE', `no completion for the shell ${shell}`, { hint: 'kubexm completion bash' });
  print(io, await completionScript(shell));
}

// The protocol of cobra's scripts, which @bomb.sh/tab speaks: lines of VALUE\tDESCRIPTION, then a directive.
const directives = { files: 0, nothingElse: 4 };

interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What may follow `words`, the last of which is being typed. */
export function complete(words: readonly string[]): { candidates: readonly Candidate[]; files: boolean } {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const path = commandPath(before);
  const group = groups.find(({ name }) => name === path[0]);
  const command =
    group === undefined
      ? rootCommands.find(({ name }) => name === path[0])
      : group.commands.find(({ name }) => name === path[1]);
  const filtered = (candidates: readonly Candidate[]) => ({
    candidates: candidates.filter(({ value }) => value.startsWith(typed)),
    files: false,
  });

  if (command === undefined) {
    const next = group === undefined ? [...groups, ...rootCommands] : group.commands;
    return filtered([
      ...next.map(({ name, summary }) => ({ value: name, description: summary })),
      ...(typed.startsWith('-') ? [help] : []),
    ]);
  }
  const option = optionNamed(before.at(-1), command.options);
  if (option !== undefined && takesValue(option)) {
    return {
      ...filtered((option.choices ?? []).map((value) => ({ value, description: '' }))),
      files: option.completes === 'files',
    };
  }
  if (typed.startsWith('-'))
    return filtered([
      ...command.options.map((spec) => ({ value: longName(spec), description: spec.description })),
      help,
    ]);
  return filtered(
    (command.arguments ?? []).flatMap(({ choices = [] }) => choices.map((value) => ({ value, description: '' }))),
  );
}

/** `kubexm complete -- WORDS…` */
export function answerCompletion(words: readonly string[], io: Io): number {
  const { candidates, files } = complete(words);
  const lines = candidates.map(({ value, description }) => `${value}\t${description}`);
  print(io, [...lines, `:${files ? directives.files : directives.nothingElse}`].join('\n'));
  return 0;
}

async function completionScript(shell: 'bash' | 'zsh' | 'fish'): Promise<string> {
  // The library's script for bash needs the package bash-completion, which servers seldom have.
  if (shell === 'bash') return bashScript(launcher());
  const { script } = await import('@bomb.sh/tab');
  // The library prints; its scripts are wanted as text.
  const lines: string[] = [];
  const { log } = globalThis.console;
  globalThis.console.log = (line: string) => void lines.push(line);
  try {
    script(shell, 'kubexm', launcher());
  } finally {
    globalThis.console.log = log;
  }
  return lines.join('\n');
}

function bashScript(executable: string): string {
  return `# bash completion for kubexm
_kubexm() {
  local answer line typed=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  answer=$(${executable} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  if [ "\${answer##*:}" = ${directives.files} ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$typed")
    return
  fi
  while IFS=$'\\t' read -r line _; do
    case $line in :*) ;; ?*) COMPREPLY+=("$line") ;; esac
  done <<<"$answer"
}
complete -F _kubexm kubexm
`;
}

/** The launcher by its path, quoted for a shell: it may not be in PATH. */
function launcher(): string {
  const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'kubexm');
  return existsSync(path) ? `'${path.replaceAll("'", `'\\''`)}'` : 'kubexm';
}

/** The words that name a command: options and their values are left out. */
function commandPath(words: readonly string[]): string[] {
  const every = [...groups.flatMap(({ commands }) => commands), ...rootCommands].flatMap(({ options }) => options);
  return words.filter((word, index) => {
    if (word.startsWith('-')) return false;
    const option = optionNamed(words[index - 1], every);
    return option === undefined || !takesValue(option);
  });
}

function optionNamed(word: string | undefined, options: readonly OptionSpec[]): OptionSpec | undefined {
  return word?.startsWith('-') ? options.find(({ flags }) => flags.split(/[ ,]+/).includes(word)) : undefined;
}

function takesValue({ flags }: OptionSpec): boolean {
  return flags.includes('<');
}

function longName({ flags }: OptionSpec): string {
  return flags.split(/[ ,]+/).find((word) => word.startsWith('--')) ?? flags;
}

const help: Candidate = { value: '--help', description: 'show the help' };
