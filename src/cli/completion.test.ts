import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { complete, run } from './completion.js';
import { recordingIo } from './recording-io.js';

const values = (...words: string[]) => complete(words).candidates.map(({ value }) => value);

test('groups, then their commands, then their options', () => {
  expect(values('')).toEqual(['cluster', 'node', 'etcd', 'certs', 'secrets', 'config', 'lab', 'version', 'completion']);
  expect(values('lab', '')).toEqual(['up', 'status', 'down', 'demo']);
  expect(values('cluster', 'plan', '--o')).toEqual(['--output', '--offline']);
});

test('values of options and arguments', () => {
  expect(values('cluster', 'plan', '-o', '')).toEqual(['text', 'json', 'dot', 'mermaid']);
  expect(values('cluster', 'create', '--output', 'j')).toEqual(['json']);
  expect(values('completion', '')).toEqual(['bash', 'zsh', 'fish']);
});

test('files where an option takes one, nothing else there', () => {
  expect(complete(['cluster', 'create', '-f', ''])).toEqual({ candidates: [], files: true });
  expect(complete(['cluster', 'create', '-f', 'a.yaml', '']).files).toBe(false);
});

test('the value of an option is not taken for a command', () => {
  expect(values('cluster', 'plan', '-f', 'lab', '--sa')).toEqual(['--save']);
});

test.each(['bash', 'zsh', 'fish'])('there is a script for %s', async (shell) => {
  const io = recordingIo();
  await run({ options: { config: '', output: 'text', debug: false }, args: [shell], io });
  expect(io.out()).toContain('kubexm');
  expect(io.out()).toContain('complete -- ');
});

test('the script for bash is one that bash reads, without bash-completion', async () => {
  const io = recordingIo();
  await run({ options: { config: '', output: 'text', debug: false }, args: ['bash'], io });
  const probe = `${io.out().replace(/\$\(.* complete -- "\$\{COMP_WORDS\[@\]:1:COMP_CWORD\}"/, '$(printf "up\\tStart\\ndemo\\tAll\\n:4\\n"')}
COMP_WORDS=(kubexm lab ''); COMP_CWORD=2; _kubexm; echo "\${COMPREPLY[@]}"`;
  expect(execFileSync('bash', ['--norc', '-c', probe], { encoding: 'utf8' })).toBe('up demo\n');
});
