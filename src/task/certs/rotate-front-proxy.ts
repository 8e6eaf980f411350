import { hostPaths } from '../../common/host-paths.js';
import { type After, CONTROL_NODE, type Draft, type Ref } from '../../plan/index.js';
import {
  formerCaUnpublished,
  frontProxyPublished,
  installKeyPair,
  promoteCa,
  type StepContext,
  trustBundle,
} from '../../step/index.js';
import { hostsWithRole, type PlanContext } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { kubernetesLeaves, leafName } from '../kubernetes/leaves.js';
import { certificateFiles } from '../pki.js';
import { restartPod } from './control-plane.js';
import { placedLeaf } from './leaf-files.js';
import { authorityFiles, type CaChange, leafByNext, madeNext } from './rotation-parts.js';

const { kubernetesPki } = hostPaths;

export function rotateFrontProxyCa(g: Draft<StepContext>, ctx: PlanContext, change: CaChange): void {
  const { current, next, previous } = authorityFiles(ctx, 'kubernetes', 'front-proxy-ca');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const path = `${kubernetesPki}/front-proxy-ca.crt`;
  const made = madeNext(g, ctx, { component: 'kubernetes', name: 'front-proxy-ca', change });
  let ready: readonly Ref[] = [made];
  if (!change.isSigned) {
    const trust = trustBundle({ path, authorities: [current.cert, next.cert] });
    const trusted = g.add('trust-both', controlPlanes, trust, { after: made });
    const told = g.add('published', [initHost(ctx)], frontProxyPublished({ authority: next.cert }), { after: trusted });
    ready = kubernetesLeaves(ctx)
      .filter(({ ca }) => ca === 'front-proxy-ca')
      .map((leaf) => {
        const source = certificateFiles(ctx, 'kubernetes', leafName(leaf));
        return g.add(`${leaf.kind}-${leaf.host}`, [leaf.host], placedLeaf(leaf, { source, ca: next.cert }), {
          after: [leafByNext(g, ctx, leaf, made), told],
        });
      });
  }
  let turn: After = ready;
  for (const host of controlPlanes) {
    // An apiserver that missed the change of its files would be refused by aggregated APIs once the old CA is gone.
    const step = restartPod(ctx, host, 'kube-apiserver', [`${kubernetesPki}/front-proxy-client.crt`]);
    turn = g.add(`restart-kube-apiserver-${host}`, [host], step, { after: turn });
  }
  const target = { cert: path, key: `${kubernetesPki}/front-proxy-ca.key` };
  const only = g.add('ca-control-planes', controlPlanes, installKeyPair({ source: next, target, keep: false }), {
    after: turn,
  });
  const told = g.add('published-new', [initHost(ctx)], frontProxyPublished({ authority: next.cert }), { after: only });
  const unpublished = g.add(
    'former-unpublished',
    [initHost(ctx)],
    formerCaUnpublished({ field: 'requestheader-client-ca-file', former: current.cert, authority: next.cert }),
    { after: told },
  );
  g.add('promote', [CONTROL_NODE], promoteCa({ current, next, previous }), { after: unpublished });
}
