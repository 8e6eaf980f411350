// npm test: sets itself up, then gates, unit and integration tests, and the core scenarios on real lab hosts. Every stage runs, also
// after one has failed, unless it cannot; the last line is the sum of all, and the exit code says whether anything failed.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const reports = mkdtempSync(join(tmpdir(), 'kubexm-test-'));
const isRoot = process.getuid?.() === 0;

/** Programs that tests use, and the Debian packages that have them. */
const programs = { git: 'git', openssl: 'openssl', sshd: 'openssh-server', 'ssh-keygen': 'openssh-client' };

let ended = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    ended = true; // the stage has the signal too, or gets it from here
    current?.kill(signal);
  });
}
let current;

const stages = [
  ['packages of this machine', packages],
  ['dependencies and build', () => run('sh', ['./kubexm', 'version'])],
  ['gates', gates],
  ['unit and integration tests', unitTests],
  ['scenarios on lab hosts', scenarios],
];
const sum = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
for (const [name, stage] of stages) {
  const startedAt = performance.now();
  console.log(`\n── ${name}`);
  const ready =
    name === 'packages of this machine' || existsSync(join(root, 'dist/main.js')) || name === 'dependencies and build';
  const result = ended
    ? problem('not run: interrupted')
    : ready
      ? await stage()
      : problem('not run: there is no build');
  const counts = typeof result === 'number' ? (result === 0 ? {} : problem(`ended with ${result}`)) : result;
  for (const key of Object.keys(sum)) sum[key] += counts[key] ?? 0;
  const told = Object.keys(sum)
    .filter((key) => counts[key] !== undefined)
    .map((key) => `${counts[key]} ${key}`);
  lines.push(
    `${seconds(performance.now() - startedAt).padStart(9)}  ${name}${told.length > 0 ? `: ${told.join(', ')}` : ''}${counts.why ? ` (${counts.why})` : ''}`,
  );
}
rmSync(reports, { recursive: true, force: true });

console.log('\n── time of each stage');
for (const line of lines) console.log(line);
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;

async function packages() {
  const missing = Object.entries(programs)
    .filter(([program]) => !onPath(program))
    .map(([, name]) => name);
  if (missing.length === 0) return 0;
  if (!isRoot || !onPath('apt-get')) {
    console.log(
      `not installed, and not to be had without root and apt-get: ${missing.join(' ')}; tests that need them are skipped`,
    );
    return 0;
  }
  console.log(`installing on this machine: ${missing.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // One of several sources may be out of reach: the installation tells.
  await run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', 'update'], env);
  return run(
    'apt-get',
    ['-q', '-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends', ...missing],
    env,
  );
}

async function gates() {
  const report = join(reports, 'gates.json');
  const exitCode = await run(process.execPath, ['scripts/gates.mjs', '--summary', report]);
  return counted(read(report), exitCode);
}

async function unitTests() {
  const report = join(reports, 'unit.json');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const exitCode = await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters]);
  const files = read(report)?.testResults;
  const states = { passed: 'passed', failed: 'failed' };
  const results = files?.flatMap(({ name, status, assertionResults }) =>
    // A file that cannot be loaded has no tests.
    assertionResults.length === 0 && status === 'failed'
      ? [{ state: 'failed', name }]
      : assertionResults.map((test) => ({ state: states[test.status] ?? 'skipped', name: test.fullName })),
  );
  for (const { name } of results?.filter(({ state }) => state === 'skipped') ?? []) console.log(`skipped: ${name}`);
  return counted(results, exitCode);
}

async function scenarios() {
  const report = join(reports, 'e2e.json');
  const exitCode = await run(process.execPath, ['scripts/e2e.mjs', '--core', '--summary', report]);
  // Hosts with clusters of directories that are gone would be in the way of the next one; after a failure they tell why.
  if (exitCode !== 0) console.log('The lab is still up, to look into it. Take it down: ./kubexm lab down');
  else if (isRoot) await run('./kubexm', ['lab', 'down']);
  return counted(read(report), exitCode);
}

/** A stage that ends badly has a failure, whatever its report says. */
function counted(results, exitCode) {
  if (results === undefined) return problem(`no report, exit code ${exitCode}`);
  const count = (state) => results.filter((result) => result.state === state).length;
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(count);
  if (results.length === 0) return problem('nothing was run');
  if (exitCode !== 0 && failed === 0) return { passed, failed: 1, skipped, why: `exit code ${exitCode}` };
  return { passed, failed, skipped };
}

function problem(why) {
  return { failed: 1, why };
}

function run(program, args, env = {}) {
  return new Promise((resolve) => {
    current = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    current.once('error', (error) => {
      console.log(`${program}: ${error.message}`);
      resolve(127);
    });
    current.once('close', (code) => resolve(code ?? 1));
  });
}

function read(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function onPath(program) {
  const directories = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return directories.some((directory) => existsSync(join(directory, program)));
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
