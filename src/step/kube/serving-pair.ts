import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';

import { defineStep } from '../define.js';
import { type InstallKeyPair, installKeyPair } from '../pki/install-pair.js';
import { type CheckApiServed, checkApiServed } from './api-served.js';
import { joinState } from './join-state.js';
import { kubectl } from './kubectl.js';

/** `server`: `https://10.0.0.11:6443`, the apiserver of this host. */
export interface PlaceServingPair extends Pick<InstallKeyPair, 'source' | 'target'>, Pick<CheckApiServed, 'waitMs'> {
  readonly server: string;
}

/**
 * Gives a control plane's apiserver a certificate and key that were signed elsewhere. It reads them by itself, without a
 * restart, and serves them, or the others keep theirs. One that did not answer before is no reason to stop: what mends it
 * comes after this. A control plane that has not joined yet starts with them.
 */
export const placeServingPair = defineStep<PlaceServingPair, unknown>({
  kind: 'kube.place-serving-pair',
  title: (p) => `Install ${p.target.cert} and its key, and see it served`,
  uses: ['control-plane-change'],
  precheck: (ctx, p) => pairOf(p).precheck(ctx),
  async run(ctx, p, before) {
    const hasJoined = (await joinState(ctx, 'control-plane')) === 'joined';
    const answered = hasJoined && (await answers(ctx, p));
    await pairOf(p).run(ctx, before);
    if (!hasJoined) return;
    const { server, waitMs } = p;
    const served = checkApiServed({ server, certificate: p.target.cert, ...(waitMs === undefined ? {} : { waitMs }) });
    await served.precheck(ctx).catch((error: unknown) => {
      if (answered || !(error instanceof KubexmError) || error.code !== 'STEP_NOT_EFFECTIVE') throw error;
      ctx.log('warn', `${server} did not answer before, and does not with its new certificate`);
    });
  },
});

function pairOf({ source, target }: PlaceServingPair) {
  return installKeyPair({ source, target, keep: false });
}

async function answers({ host, signal }: StepContext, { server }: PlaceServingPair): Promise<boolean> {
  return (await host.tryRun(kubectl([`--server=${server}`, 'get', '--raw=/readyz']), { signal })).exitCode === 0;
}
