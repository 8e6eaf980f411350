import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const launcher = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'kubexm');

/** A checkout with the real launcher and a build that only notes that it ran. */
function checkout(): { root: string; builds: () => number; later: (path: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'kubexm launcher-'));
  for (const dir of ['src', 'lab', 'scripts', 'node_modules']) mkdirSync(join(root, dir));
  copyFileSync(launcher, join(root, 'kubexm'));
  writeFileSync(join(root, 'src/a.ts'), '');
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(join(root, 'builds'), '');
  writeFileSync(join(root, 'node_modules/.package-lock.json'), '{}');
  const later = (path: string) => utimesSync(join(root, path), new Date(), new Date(Date.now() + 5));
  later('node_modules/.package-lock.json');
  writeFileSync(
    join(root, 'scripts/build.mjs'),
    `import { appendFileSync, writeFileSync } from 'node:fs';
await new Promise((resolve) => setTimeout(resolve, 300));
appendFileSync(${JSON.stringify(join(root, 'builds'))}, 'x');
writeFileSync(${JSON.stringify(join(root, 'dist/main.js'))}, 'console.log(process.cwd(), ...process.argv.slice(2)); process.exitCode = 3');`,
  );
  return { root, later, builds: () => readFileSync(join(root, 'builds'), 'utf8').length };
}

test('builds once, again when a source is newer, and never for a test file', () => {
  const { root, later, builds } = checkout();
  const run = () => spawnSync(join(root, 'kubexm'), [], { encoding: 'utf8' });
  const first = run();
  expect([first.status, first.stderr]).toEqual([3, 'kubexm: building ...\n']);
  expect(run().stderr).toBe('');
  later('src/a.ts');
  expect(run().stderr).toBe('kubexm: building ...\n');
  expect(builds()).toBe(2);
});

test('found through a symlink, with its arguments, in the directory of its caller', () => {
  const { root } = checkout();
  const elsewhere = mkdtempSync(join(tmpdir(), 'kubexm-caller-'));
  symlinkSync(join(root, 'kubexm'), join(elsewhere, 'k'));
  symlinkSync('k', join(elsewhere, 'kk'));
  const { stdout } = spawnSync('./kk', ['a b', '--c'], { cwd: elsewhere, encoding: 'utf8' });
  expect(stdout).toBe(`${elsewhere} a b --c\n`);
});

test('two at once build once', async () => {
  const { root, builds } = checkout();
  const run = () => promisify(execFile)(join(root, 'kubexm')).catch((error: { code: number }) => error.code);
  expect(await Promise.all([run(), run(), run()])).toEqual([3, 3, 3]);
  expect(builds()).toBe(1);
});

test('a lock whose owner died is taken over', () => {
  const { root, builds } = checkout();
  mkdirSync(join(root, 'dist/.lock'), { recursive: true });
  writeFileSync(join(root, 'dist/.lock/pid'), '999999999');
  expect(spawnSync(join(root, 'kubexm')).status).toBe(3);
  expect(builds()).toBe(1);
});

test('a build that fails leaves no half-made one behind', () => {
  const { root } = checkout();
  writeFileSync(join(root, 'scripts/build.mjs'), 'process.exit(1)');
  const { status, stderr } = spawnSync(join(root, 'kubexm'), { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, 'kubexm: building ...\nkubexm: the build failed; its output is above.\n']);
  expect(() => readFileSync(join(root, 'dist/.built'))).toThrow('ENOENT');
});

test('an old node is named with its version', () => {
  const { root } = checkout();
  const bin = mkdtempSync(join(tmpdir(), 'kubexm-bin-'));
  writeFileSync(join(bin, 'node'), '#!/bin/sh\necho v18.19.0\n');
  chmodSync(join(bin, 'node'), 0o755);
  const { status, stderr } = spawnSync(join(root, 'kubexm'), {
    encoding: 'utf8',
    env: { PATH: `${bin}:/usr/bin:/bin` },
  });
  expect(status).toBe(1);
  expect(stderr).toContain(`Node.js >= 20.11 is needed, ${bin}/node is v18.19.0`);
});

test('the real one: help, usage errors, exit codes', () => {
  expect(execFileSync(launcher, ['--help'], { encoding: 'utf8', stdio: 'pipe' })).toContain('Commands:');
  expect(spawnSync(launcher, ['cluster', 'create', '--nope']).status).toBe(2);
  expect(spawnSync(launcher, ['config', 'validate', '-f', '/nowhere.yaml']).status).toBe(2);
}, 60_000);
