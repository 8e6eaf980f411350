import { runGraph } from '../src/engine/index.js';
import { draft, type Step, sameHost, seal } from '../src/plan/index.js';
import type { BenchRow } from './row.js';

/** Engine time of one job, measured with steps that do nothing. */
export async function benchEngine(): Promise<readonly BenchRow[]> {
  return [
    await measure('engine time per job, acting', 'needed', []),
    await measure('engine time per job, nothing to do', 'satisfied', []),
    await measure('engine time per job, acting with a limited name', 'needed', ['upload']),
  ];
}

const HOSTS = 1000;
const NODES = 100;
const HEAP_LIMIT_MB = 500;

async function measure(name: string, state: 'needed' | 'satisfied', uses: readonly string[]): Promise<BenchRow> {
  const hosts = Array.from({ length: HOSTS }, (_, index) => `host${index}`);
  const step: Step<unknown> = {
    kind: 'noop',
    title: 'Do nothing',
    params: {},
    uses,
    recheck: false,
    precheck: async () => ({ state, because: 'as the bench wants it' }),
    run: async () => {},
  };
  const g = draft<unknown>('bench');
  let before = g.add('node0', hosts, step);
  for (let index = 1; index < NODES; index += 1) {
    before = g.add(`node${index}`, hosts, step, { after: index % 10 === 0 ? before : sameHost(before) });
  }
  const graph = seal('bench', g.done(), { hosts });
  let events = 0;
  const start = performance.now();
  const { totals } = await runGraph(graph, {
    mode: 'apply',
    limits: { perHost: 8, named: { upload: 8 } },
    createContext: (tools) => tools,
    emit: () => {
      events += 1;
    },
    report: (error) => ({ code: 'INTERNAL', message: String(error), details: [] }),
  });
  const ms = performance.now() - start;
  const done = totals.changed + totals.satisfied;
  if (done !== HOSTS * NODES || events < done * 2) throw new Error(`the bench ran ${done} of ${HOSTS * NODES} jobs`);
  const heapMb = process.memoryUsage().heapUsed / 2 ** 20;
  if (heapMb > HEAP_LIMIT_MB) throw new Error(`the bench used ${Math.round(heapMb)} MB`);
  return { name: `${name} (${done} jobs)`, value: Number(((ms * 1000) / done).toFixed(2)), unit: 'µs', limit: 50 };
}
