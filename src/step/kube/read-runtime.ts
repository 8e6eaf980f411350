import type { Json } from '../../plan/index.js';
import { defineStep, satisfied } from '../define.js';
import { kubeletEndpoint } from './same-runtime.js';

/** What a node runs containers with. `endpoint` is absent where no file of the kubelet's names one. */
export interface RuntimeReport {
  readonly endpoint?: string;
}

export interface ReadRuntime {
  readonly report: string;
}

/** Reports the socket that the kubelet uses. It changes nothing. */
export const readRuntime = defineStep<ReadRuntime>({
  kind: 'cri.read-runtime',
  title: () => 'Read which container runtime the kubelet uses',
  recheck: false,
  async precheck(ctx, p) {
    const endpoint = await kubeletEndpoint(ctx);
    ctx.log('debug', p.report, (endpoint === undefined ? {} : { endpoint }) satisfies Json);
    return satisfied(endpoint ?? 'none is named');
  },
  run: () => Promise.resolve(),
});
