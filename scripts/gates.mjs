// npm run lint -- [--summary FILE]: everything that can be said about the sources without running them. Each gate says how much it
// looked at; one that looked at nothing fails. All gates run, also after one has failed.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { layers, layerTable } from './layers.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { summary: { type: 'string' } } });

const gates = { format, lint, types, layering, unused, words };

const results = [];
for (const [name, gate] of Object.entries(gates)) {
  const startedAt = performance.now();
  const { looked, what, problems } = await gate();
  const ms = performance.now() - startedAt;
  const all = looked > 0 ? problems : [`it looked at 0 ${what}`, ...problems];
  for (const problem of all) console.log(problem);
  const ok = all.length === 0;
  console.log(`${ok ? '✔' : '✖'} ${name}: ${looked} ${what}, ${(ms / 1000).toFixed(1)} s`);
  results.push({ name, state: ok ? 'passed' : 'failed' });
}
if (values.summary !== undefined) writeFileSync(values.summary, JSON.stringify(results));
process.exit(results.every(({ state }) => state === 'passed') ? 0 : 1);

async function format() {
  const { stdout, stderr, exitCode } = await tool('biome', ['check', '--max-diagnostics=20', '.']);
  const looked = Number(/Checked (\d+) file/.exec(stdout + stderr)?.[1] ?? 0);
  return { looked, what: 'files', problems: exitCode === 0 ? [] : [stderr + stdout, 'Next: npm run format'] };
}

async function lint() {
  const { stdout, stderr, exitCode } = await tool('oxlint', [
    '--type-aware',
    '--format=json',
    'src',
    'lab',
    'test',
    'bench',
    'scripts',
    'vitest.config.ts',
  ]);
  const report = parsed(stdout);
  if (report === undefined) return { looked: 0, what: 'files', problems: [stdout, stderr] };
  const problems = report.diagnostics.map(({ code, message, filename, labels }) => {
    const line = labels?.[0]?.span?.line;
    return `${filename}${line === undefined ? '' : `:${line}`}: ${code}: ${message}`;
  });
  if (exitCode !== 0 && problems.length === 0) problems.push(stderr);
  return { looked: report.number_of_files ?? 0, what: 'files', problems };
}

async function types() {
  const { stdout, exitCode } = await tool('tsc', ['--noEmit', '--listFiles', '--pretty', 'false']);
  const lines = stdout.split('\n').filter((line) => line !== '');
  const looked = lines.filter((line) => line.startsWith(root) && !line.includes('/node_modules/')).length;
  return { looked, what: 'files', problems: exitCode === 0 ? [] : lines.filter((line) => !line.startsWith('/')) };
}

async function layering() {
  const { stdout, stderr } = await tool('depcruise', [
    '--config',
    '.dependency-cruiser.mjs',
    '--output-type',
    'json',
    'src',
    'lab',
    'test',
    'bench',
    'scripts',
  ]);
  const report = parsed(stdout);
  if (report === undefined) return { looked: 0, what: 'modules', problems: [stdout.slice(0, 2000), stderr] };
  const { summary, modules } = report;
  const problems = summary.violations.map(
    ({ rule, from, to, comment }) => `${from} → ${to}: ${rule.name}${comment ? `: ${comment}` : ''}`,
  );
  // A rule over a folder that is not there holds by accident.
  for (const folder of Object.keys(layers)) {
    if (!modules.some(({ source }) => source.startsWith(`${folder}/`)))
      problems.push(`no module of ${folder} was looked at`);
  }
  if (!readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').includes(`\n${layerTable()}\n`))
    problems.push(`ARCHITECTURE.md has another table of layers than scripts/layers.mjs; this is it:\n${layerTable()}`);
  return { looked: summary.totalCruised, what: `modules, ${summary.totalDependenciesCruised} imports`, problems };
}

async function unused() {
  const { stdout, stderr, exitCode } = await tool('knip', ['--no-progress', '--performance']);
  const at = stdout.indexOf('\nName ');
  const looked = Number(/^parseFile\s+(\d+)/m.exec(stdout)?.[1] ?? 0);
  return {
    looked,
    what: 'files',
    problems: exitCode === 0 ? [] : [stdout.slice(0, Math.max(0, at)).trim(), stderr.trim()],
  };
}

/** Words that have no place in the sources, and where they have one after all. */
function words() {
  const rules = [
    { pattern: /\b(TODO|FIXME|XXX)\b/, why: 'unfinished work belongs in no source' },
    { pattern: /\b(?:test|it|describe|suite)\.only\b/, why: 'a test that runs alone hides all others' },
    { pattern: /\b(?:test|it|describe|suite)\.skip\(/, why: 'a test that is left out; use skipIf with a reason' },
    { pattern: new RegExp(`${root.replaceAll(/[^\w/]/g, '\\$&')}/|/Users/\\w`), why: 'a path of one machine' },
    {
      pattern:
        /registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org|sum\.golang\.org|goproxy\.(?:io|cn)|pypi\.org|files\.pythonhosted\.org|deb\.debian\.org|archive\.ubuntu\.com/,
      why: "a package registry: its address comes from the machine's own configuration",
    },
  ];
  const files = sourceFiles();
  const problems = files.flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        rules
          .filter(({ pattern }) => pattern.test(line))
          .map(({ why }) => `${path}:${index + 1}: ${why}: ${line.trim()}`),
      ),
  );
  return { looked: files.length, what: 'files', problems };
}

function sourceFiles() {
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'lab', 'test', 'bench', 'examples', 'templates'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  // go.sum and go.mod of the lab's builds are other people's words.
  return listed
    .split('\n')
    .filter((path) => path !== '' && !path.startsWith('lab/go/') && existsSync(join(root, path)));
}

function tool(name, args) {
  const options = { cwd: root, maxBuffer: 256 * 1024 * 1024, env: { ...process.env, NO_COLOR: '1' } };
  return new Promise((resolve) => {
    execFile(join(root, 'node_modules/.bin', name), args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
