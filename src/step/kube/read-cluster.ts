import type { Json } from '../../plan/index.js';
import { defineStep, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';

/** Nodes and pods as the API has them: `{ items }`, as the data of the log event `report`. */
export const readObjects = defineStep<{ readonly report: string }>({
  kind: 'read.objects',
  title: () => 'Read nodes and pods',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const { stdout } = await host.run(kubectl(['get', 'nodes,pods', '-A', '-o', 'json']), { signal });
    log('debug', p.report, JSON.parse(stdout) as Json);
    return satisfied('the API answered');
  },
  run: () => Promise.resolve(),
});
