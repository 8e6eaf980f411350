import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clusterTemplate } from '../config/index.js';
import { groups, rootCommands } from './commands.js';
import { runCommandLine } from './program.js';
import { recordingIo } from './recording-io.js';

async function kubexm(...argv: string[]) {
  const io = recordingIo({ cwd: mkdtempSync(join(tmpdir(), 'kubexm-cli-')) });
  const code = await runCommandLine(argv, io);
  return { code, out: io.out(), err: io.err() };
}

function configFile(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'kubexm-cli-')), 'cluster.yaml');
  writeFileSync(path, text);
  return path;
}

const commandLines = [
  ...rootCommands.map(({ name }) => [name]),
  ...groups.flatMap(({ name, commands }) => commands.map((command) => [name, command.name])),
];

test.each(commandLines.map((words) => words.join(' ')))(
  'kubexm %s --help shows its options and an example',
  async (words) => {
    const { code, out, err } = await kubexm(...words.split(' '), '--help');
    expect([code, err]).toEqual([0, '']);
    for (const text of ['Example:\n  ', '--config <file>', '--output <format>', `kubexm ${words}`])
      expect(out).toContain(text);
  },
);

test('every command can be loaded', async () => {
  const light = [
    ...rootCommands,
    ...groups.filter(({ name }) => name === 'config').flatMap(({ commands }) => commands),
  ];
  for (const { load } of light) expect(typeof (await load()).run).toBe('function');
});

test.each([
  [['clster'], 'Did you mean cluster?', 'kubexm --help'],
  [['cluster', 'creat'], 'Did you mean create?', 'kubexm cluster --help'],
  [['cluster', 'create', '--dry-rn'], 'Did you mean --dry-run?', 'kubexm cluster create --help'],
  [['cluster', 'create', '-o', 'yaml'], 'Allowed choices are text, json', 'kubexm cluster create --help'],
  [['cluster'], 'kubexm cluster needs a command', 'kubexm cluster --help'],
  [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish', 'kubexm completion --help'],
])('%s: exit code 2, a suggestion and where to read on', async (argv, suggestion, next) => {
  const { code, out, err } = await kubexm(...argv);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(suggestion);
  expect(err).toContain(`Next: ${next}`);
});

test('results are on stdout alone', async () => {
  const { code, out, err } = await kubexm('version', '-o', 'json');
  expect([code, err]).toEqual([0, '']);
  expect(JSON.parse(out)).toMatchObject({ node: process.versions.node, platform: process.platform });
});

test('without a command the help is shown', async () => {
  const { code, out } = await kubexm();
  expect(code).toBe(0);
  expect(out).toContain('Commands:');
});

test('config init writes a config that validates', async () => {
  const { out } = await kubexm('config', 'init');
  const { code, out: verdict } = await kubexm('config', 'validate', '-f', configFile(out));
  expect([code, verdict]).toEqual([0, expect.stringContaining('is valid: cluster demo')]);
});

test('config init --write replaces nothing without --yes', async () => {
  const path = configFile('precious');
  expect((await kubexm('config', 'init', '--write', '-f', path)).code).toBe(4);
  expect((await kubexm('config', 'init', '--write', '--yes', '-f', path)).code).toBe(0);
});

test('a broken config: all problems with their places, exit code 2', async () => {
  const path = configFile(clusterTemplate().replaceAll('address: 192.168.1.2', 'adress: 192.168.1.2'));
  const { code, out, err } = await kubexm('config', 'validate', '-f', path);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('did you mean "address"?');
  expect(err).toContain('^^^^^^');
  expect(err).toContain('has 2 errors');
  const json = await kubexm('config', 'validate', '-f', path, '-o', 'json');
  expect(json.code).toBe(2);
  expect(JSON.parse(json.out)).toMatchObject({
    valid: false,
    diagnostics: expect.arrayContaining([expect.objectContaining({ severity: 'error' })]),
  });
});

test('a missing config says how to get one', async () => {
  const { code, err } = await kubexm('cluster', 'kubeconfig', '-f', '/nowhere/cluster.yaml');
  expect(code).toBe(2);
  expect(err).toContain('kubexm config init');
});

test('cluster list with nothing there', async () => {
  expect(JSON.parse((await kubexm('cluster', 'list', '-o', 'json')).out)).toEqual([]);
});
