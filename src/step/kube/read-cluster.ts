import type { Json } from '../../plan/index.js';
import { defineStep, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';

/** `kinds`: default nodes and pods. */
export interface ReadObjects {
  readonly report: string;
  readonly kinds?: 'nodes' | 'nodes,pods';
}

/** Nodes and pods as the API has them: `{ items }`, as the data of the log event `report`. */
export const readObjects = defineStep<ReadObjects>({
  kind: 'read.objects',
  title: ({ kinds = 'nodes,pods' }) => `Read ${kinds.replace(',', ' and ')}`,
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const { stdout } = await host.run(kubectl(['get', p.kinds ?? 'nodes,pods', '-A', '-o', 'json']), { signal });
    log('debug', p.report, JSON.parse(stdout) as Json);
    return satisfied('the API answered');
  },
  run: () => Promise.resolve(),
});
