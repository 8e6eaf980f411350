import { Argument, Command, CommanderError, Option } from 'commander';
import { asError, KubexmError } from '../errors/index.js';
import { createRedactor } from '../logger/redactor.js';
import type { CommandSpec, CommonOptions } from './command-spec.js';
import { groups, rootCommands } from './commands.js';
import type { Io } from './io.js';
import { exitCodeOf, reportError } from './report-error.js';
import { versionNumber } from './version-number.js';

/** Runs one command line and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const io = processIo();
  const code = await runCommandLine(argv, io);
  // The callback runs when everything before it is written; only then may open connections be cut off.
  process.stdout.write('', () => process.exit(code));
}

/** Runs one command line in a world of its own and returns the exit code. Throws nothing. */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<number> {
  if (argv[0] === 'complete' && argv[1] === '--') {
    const { answerCompletion } = await import('./completion.js');
    return answerCompletion(argv.slice(2), io);
  }
  let exitCode = 0;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0; // --help, --version
    const error = thrown instanceof CommanderError ? usageError(thrown, argv) : asError(thrown);
    await reportError(error, { io, debug: argv.includes('--debug'), json: wantsJson(argv) });
    return exitCodeOf(error);
  }
}

function buildProgram(io: Io, exitWith: (code: number) => void): Command {
  const program = newCommand('kubexm', 'Turns machines into a production Kubernetes cluster, and keeps it', io)
    .version(versionNumber, '-V, --version', 'print the version')
    .addHelpText('after', '\nExample:\n  kubexm config init > cluster.yaml\n  kubexm cluster create -f cluster.yaml');
  for (const group of groups) {
    const command = newCommand(group.name, group.summary, io);
    for (const spec of group.commands) command.addCommand(buildCommand(spec, io, exitWith));
    program.addCommand(command);
  }
  for (const spec of rootCommands) program.addCommand(buildCommand(spec, io, exitWith));
  return program;
}

function newCommand(name: string, summary: string, io: Io): Command {
  return new Command(name)
    .summary(summary)
    .description(summary)
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: (command) =>
        [
          command.name(),
          ...command.registeredArguments.map((argument) => {
            const word = `${argument.name()}${argument.variadic ? '...' : ''}`;
            return argument.required ? `<${word}>` : `[${word}]`;
          }),
        ].join(' '),
    })
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Groups without a command print their help as an error; errors themselves are rendered in one place.
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => {},
    });
}

function buildCommand(spec: CommandSpec, io: Io, exitWith: (code: number) => void): Command {
  const command = newCommand(spec.name, spec.summary, io);
  if (spec.description !== undefined) command.description(`${spec.summary}\n${spec.description}`);
  for (const { name, description, choices } of spec.arguments ?? []) {
    const argument = new Argument(name, description);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const { flags, description, choices, fallback, mandatory } of spec.options) {
    const option = new Option(flags, description);
    if (choices !== undefined) option.choices(choices);
    if (fallback !== undefined) option.default(fallback);
    if (mandatory === true) option.makeOptionMandatory();
    command.addOption(option);
  }
  command.addHelpText('after', `\nExample:\n${spec.examples.map((example) => `  ${example}`).join('\n')}`);
  command.action(async () => {
    const given = command.opts<CommonOptions & { color?: boolean }>();
    const options = { ...given, debug: given.debug ?? false };
    const colorless = given.color === false ? { ...io, env: { ...io.env, NO_COLOR: '1' } } : io;
    if (options.debug) process.setSourceMapsEnabled(true);
    const module = await spec.load();
    exitWith((await module.run({ options, args: command.args, io: colorless })) ?? 0);
  });
  return command;
}

function usageError(error: CommanderError, argv: readonly string[]): KubexmError {
  const words = argv.filter((word) => !word.startsWith('-'));
  const group = groups.find(({ name }) => name === words[0]);
  const command =
    group?.commands.find(({ name }) => name === words[1]) ?? rootCommands.find(({ name }) => name === words[0]);
  const known = [
    'kubexm',
    ...(group === undefined ? [] : [group.name]),
    ...(command === undefined ? [] : [command.name]),
  ];
  const hint = `${known.join(' ')} --help`;
  // A group alone: commander has printed its help, which is all there is to say.
  if (error.code === 'commander.help') return new KubexmError('USAGE', `${known.join(' ')} needs a command`, { hint });
  const [message = '', ...suggestions] = error.message.replace(/^error: /, '').split('\n');
  return new KubexmError('USAGE', message, {
    details: suggestions.map((line) => line.replace(/^\((.*)\)$/, '$1')),
    hint,
  });
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '--output=json' ||
      ((word === '-o' || word === '--output') && argv[index + 1] === 'json'),
  );
}

function processIo(): Io {
  // A reader that goes away (`kubexm … | head`) must not end a run halfway.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    redactor: createRedactor(),
  };
}
