import type { Io } from './io.js';

/** What every command gets of its command line. */
export interface CommonOptions {
  /** `-f`: path of the cluster's config. */
  readonly config: string;
  readonly output: string;
  readonly debug: boolean;
}

/** Of commands that change something. */
export interface ChangeOptions extends CommonOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** `-` or a path. */
  readonly events?: string;
}

export interface Invocation<Options extends CommonOptions = CommonOptions> {
  readonly options: Options;
  readonly args: readonly string[];
  readonly io: Io;
}

/** The module of a command, imported when it is called. The number is the exit code; nothing means 0. */
export interface CommandModule {
  // A method, so that a command may ask for more specific options: its own declaration says what they are.
  run(invocation: Invocation): Promise<number | void>;
}

export interface OptionSpec {
  /** As commander reads it: `-f, --config <file>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly fallback?: string;
  /** A command without it is a usage error. */
  readonly mandatory?: boolean;
  /** What the shell offers after the option; default nothing. */
  readonly completes?: 'files';
}

export interface ArgumentSpec {
  /** `<shell>` or `[name]`. */
  readonly name: string;
  readonly description: string;
  readonly choices?: readonly string[];
}

/** One command as data: help, parsing and shell completion are derived from it. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Further lines of its help. */
  readonly description?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  readonly load: () => Promise<CommandModule>;
}

export interface GroupSpec {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandSpec[];
}

const config: OptionSpec = {
  flags: '-f, --config <file>',
  description: 'the cluster config',
  fallback: './cluster.yaml',
  completes: 'files',
};
const debug: OptionSpec = { flags: '--debug', description: 'show stack traces and causes of errors' };
const noColor: OptionSpec = { flags: '--no-color', description: 'no colours (as NO_COLOR=1)' };

/** Options that every command has. */
export function commonOptions(outputs: readonly string[] = ['text', 'json']): readonly OptionSpec[] {
  return [
    config,
    { flags: '-o, --output <format>', description: 'format of the result', choices: outputs, fallback: 'text' },
    debug,
    noColor,
  ];
}

/** Options of every command that changes something. */
export const changeOptions: readonly OptionSpec[] = [
  { flags: '--dry-run', description: 'look only: say what would change and why' },
  { flags: '-y, --yes', description: 'answer questions with yes' },
];

/** For commands that run a plan. */
export const eventsOption: OptionSpec = {
  flags: '--events <file>',
  description: 'write every event as a line of JSON ("-": stdout)',
  completes: 'files',
};

/** A directory of the user's own versions of what hosts are given. */
export const templatesOption: OptionSpec = {
  flags: '--templates <dir>',
  description: 'a directory whose files replace those of templates/',
  completes: 'files',
};

/** Options of every command that changes a cluster. */
export function operationOptions(): readonly OptionSpec[] {
  return [
    ...commonOptions(),
    ...changeOptions,
    { flags: '--rollback', description: 'after a failure, undo what this run changed (default: stop and explain)' },
    {
      flags: '--break-lock',
      description: 'end the session of a hung run that holds the cluster; two runs at once can cost etcd its quorum',
    },
    eventsOption,
    templatesOption,
  ];
}
