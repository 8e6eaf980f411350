import {
  draft,
  type ExecutionFragment,
  empty,
  parallel,
  type Step,
  sameHost,
  scoped,
  seal,
  sequence,
} from '../src/plan/index.js';
import type { BenchRow } from './row.js';

/** Planning and sealing: a plan shaped like a cluster of 1000 hosts, and one of 90,000 nodes with a job each. */
export async function benchPlan(): Promise<readonly BenchRow[]> {
  const hosts = Array.from({ length: 1000 }, (_, index) => `host${index}`);
  const wide = timed('plan and seal 1000 hosts', 2000, () => seal('bench', wideFragment(hosts), { hosts }));
  const jobs = wide.graph.nodes.reduce((sum, node) => sum + node.jobs.length, 0);
  if (wide.graph.nodes.length < 150 || jobs < 100_000)
    throw new Error(`the bench planned ${wide.graph.nodes.length} nodes, ${jobs} jobs`);
  const deep = deepFragment();
  const many = timed('seal 90,000 nodes', 1000, () => seal('bench', deep, { hosts }));
  if (many.graph.nodes.length !== 90_000) throw new Error(`the bench sealed ${many.graph.nodes.length} nodes`);
  const heapMb = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
  return [wide.row, many.row, { name: 'heap with both plans', value: heapMb, unit: 'MB', limit: 500 }];
}

function timed<T>(name: string, limit: number, work: () => T): { readonly graph: T; readonly row: BenchRow } {
  const start = performance.now();
  const graph = work();
  return { graph, row: { name, value: Number((performance.now() - start).toFixed(1)), unit: 'ms', limit } };
}

function noop(kind: string, params: Step<unknown>['params']): Step<unknown> {
  return {
    kind,
    title: kind,
    params,
    precheck: async () => ({ state: 'satisfied', because: 'nothing to do' }),
    run: async () => {},
  };
}

/** 15 tasks of 10 nodes each, most of them on all hosts; the tasks share certificates and archives. */
function wideFragment(hosts: readonly string[]): ExecutionFragment<unknown> {
  const task = (name: string): ExecutionFragment<unknown> => {
    const g = draft<unknown>(name);
    const archive = g.shared(`/resource/${name}`, ['control-node'], noop('file.download', { url: name }));
    const ca = g.shared('/pki/ca', ['control-node'], noop('pki.ca', { name: 'ca' }));
    let before = g.addEach('upload', hosts, (host) => noop('file.upload', { host, target: `/opt/${name}` }), {
      after: [archive, ca],
    });
    for (let index = 0; index < 8; index += 1) {
      const step = noop('command.run', { index, lines: ['some', 'text', { mode: 0o644 }] });
      before = g.add(`step-${index}`, hosts, step, { after: sameHost(before) });
    }
    g.add('verify', hosts.slice(0, 3), noop('command.run', { name }), { after: before });
    return g.done();
  };
  const module = (name: string, count: number): ExecutionFragment<unknown> =>
    scoped(name, parallel(...Array.from({ length: count }, (_, index) => task(`task-${name}-${index}`))));
  return scoped(
    'create',
    sequence(module('infrastructure', 6), empty(), module('control-plane', 5), module('worker', 4)),
  );
}

/** 300 chains of 300 nodes, each with an edge into the chain beside it. */
function deepFragment(): ExecutionFragment<unknown> {
  const g = draft<unknown>('deep');
  const step = noop('command.run', { text: 'x' });
  let beside: ReturnType<typeof g.add>[] = [];
  for (let chain = 0; chain < 300; chain += 1) {
    const own: typeof beside = [];
    for (let index = 0; index < 300; index += 1) {
      const after = [own[index - 1], beside[index]].filter((ref) => ref !== undefined);
      own.push(g.add(`${chain}-${index}`, [`host${chain}`], step, { after }));
    }
    beside = own;
  }
  return g.done();
}
