// npm run bench: times and memory, with limits; fails above one.
// npm run bench:create [-- --rounds N]: the same cluster by bench/create-by-hand.sh and by kubexm, in turn, on fresh lab hosts.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle, root } from './bundle.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '1' }, one: { type: 'string' } },
});

if (values.one !== undefined) await runOne(values.one);
else if (positionals[0] === 'create') await createRace(Number(values.rounds));
else await limits();

/** A child's part: one bench, its rows as JSON on stdout. */
async function runOne(name) {
  const { benches } = await import(pathToFileURL(process.env.KUBEXM_BENCH_BUNDLE).href);
  process.stdout.write(JSON.stringify(await benches[name]()));
}

async function limits() {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), '--quiet'], { stdio: 'inherit' });
  const bundled = await bundle('bench', 'bench/main.ts');
  const { benches } = await import(pathToFileURL(bundled).href);
  const rows = [];
  for (const name of Object.keys(benches)) {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--one', name], {
      env: { ...process.env, KUBEXM_BENCH_BUNDLE: bundled },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    });
    if (child.status !== 0) {
      console.log(`✖ ${name} ended with ${child.status}`);
      process.exitCode = 1;
      continue;
    }
    rows.push(...show(JSON.parse(child.stdout)));
  }
  rows.push(...show([launchRow()]));
  rmSync(bundled);
  const above = rows.filter(({ value, limit }) => value > limit).length;
  console.log(`${rows.length} values, ${above} above their limit`);
  if (above > 0 || rows.length === 0) process.exitCode = 1;
}

/** Interleaved, so that whatever else the machine does meets both alike. */
function launchRow() {
  const env = { ...process.env, KUBEXM_SKIP_BUILD: '1' };
  const time = (argv) => {
    const startedAt = performance.now();
    const { status } = spawnSync(argv[0], argv.slice(1), { env, stdio: 'ignore' });
    if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
    return performance.now() - startedAt;
  };
  const help = [];
  const bare = [];
  for (let round = 0; round < 25; round += 1) {
    help.push(time([join(root, 'kubexm'), '--help']));
    bare.push(time([process.execPath, '-e', '0']));
  }
  const [own, node] = [median(help), median(bare)];
  return {
    name: `kubexm --help (${own.toFixed(0)} ms) against node -e 0 (${node.toFixed(0)} ms)`,
    value: Number((own / node).toFixed(2)),
    unit: '×',
    limit: 1.6,
  };
}

async function createRace(rounds) {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), '--quiet'], { stdio: 'inherit' });
  const bundled = await bundle('bench', 'bench/create.ts');
  const { lab } = await import(pathToFileURL(bundled).href);
  const addresses = await lab.addresses(3, (line) => console.log(`lab: ${line}`));
  const times = { script: [], kubexm: [] };
  for (let round = 0; round < rounds; round += 1) {
    await lab.reset(3);
    console.log('── bench/create-by-hand.sh');
    const byHand = await measured(['bash', join(root, 'bench/create-by-hand.sh'), ...addresses], { cwd: root });
    times.script.push(byHand.wallMs);
    await lab.reset(3);
    console.log('── kubexm cluster create');
    const dir = mkdtempSync(join(tmpdir(), 'kubexm-bench-'));
    writeFileSync(join(dir, 'cluster.yaml'), await lab.clusterYaml(3));
    const own = await measured([join(root, 'kubexm'), 'cluster', 'create', '--yes'], { cwd: dir });
    times.kubexm.push(own.wallMs);
    rmSync(dir, { recursive: true });
    console.log(
      `script: ${seconds(byHand.wallMs)} wall, ${seconds(byHand.cpuMs)} CPU of its processes here, ${byHand.rssMb} MB peak`,
    );
    console.log(`kubexm: ${seconds(own.wallMs)} wall, ${seconds(own.cpuMs)} CPU, ${own.rssMb} MB peak`);
  }
  const ratio = median(times.kubexm) / median(times.script);
  console.log(`ratio of wall times, kubexm / script: ${ratio.toFixed(2)} (aim: at most 0.8)`);
  rmSync(bundled);
  process.exit(0);
}

/** Wall time of a program, and CPU time (with the children that it waited for) and peak memory as /proc last said. */
async function measured(argv, { cwd }) {
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const startedAt = performance.now();
  const child = spawn(argv[0], argv.slice(1), {
    cwd,
    env: { ...process.env, KUBEXM_SKIP_BUILD: '1' },
    stdio: 'inherit',
  });
  let [cpuMs, rssMb] = [0, 0];
  const sample = () => {
    try {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
      // Fields 14 to 17, counted behind the name, which may hold anything.
      const times = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 15)
        .map(Number);
      cpuMs = (times.reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond) * 1000;
      const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      rssMb = Math.max(rssMb, Math.round(Number(peak?.[1] ?? 0) / 1024));
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(sample, 100);
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}`);
  return { wallMs: performance.now() - startedAt, cpuMs, rssMb };
}

function show(rows) {
  for (const { name, value, unit, limit } of rows) {
    console.log(`${value > limit ? '✖' : '✔'} ${name}: ${value} ${unit} (limit ${limit})`);
  }
  return rows;
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
