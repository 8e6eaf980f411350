import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, CONTROL_NODE, type Draft, type Ref } from '../../plan/index.js';
import {
  checkEtcdHealth,
  installKeyPair,
  promoteCa,
  reconfigureEtcdMember,
  type StepContext,
  trustBundle,
} from '../../step/index.js';
import { hostsWithRole, type PlanContext } from '../context.js';
import { etcdMembers } from '../etcd/endpoints.js';
import { etcdLeaves } from '../etcd/leaves.js';
import { bringEtcdLeaves } from '../etcd/renew.js';
import { etcdInputs, etcdService } from '../etcd/service.js';
import { restartPod } from './control-plane.js';
import { etcdCaKeyHosts } from './renewal-timer.js';
import { authorityFiles, type CaChange, madeNext, signedByNext } from './rotation-parts.js';

const { etcd } = hostPaths;

export function rotateEtcdCa(g: Draft<StepContext>, ctx: PlanContext, change: CaChange): void {
  const { current, next, previous } = authorityFiles(ctx, 'etcd', 'ca');
  const users = [...new Set([...hostsWithRole(ctx, 'etcd'), ...hostsWithRole(ctx, 'control-plane')])];
  const holders = etcdCaKeyHosts(ctx);
  const others = users.filter((host) => !holders.includes(host));
  const path = `${etcd.pki}/ca.pem`;
  const made = madeNext(g, ctx, { component: 'etcd', name: 'ca', change });
  let ready: Ref = made;
  if (!change.isSigned) {
    const trust = trustBundle({ path, authorities: [current.cert, next.cert] });
    const trusted = g.add('trust-both', users, trust, { after: made });
    ready = restartEtcdAndClients(g, ctx, 'both', trusted);
  }
  const leaves = etcdLeaves(ctx).map(({ name, subject, usages, sans }) =>
    signedByNext(g, ctx, {
      component: 'etcd',
      name,
      made,
      subject,
      usages,
      ...(sans === undefined ? {} : { sans }),
    }),
  );
  // Also where all have theirs already: that each is served is proved before the old CA goes.
  const brought = bringEtcdLeaves(g, ctx, { made: [...leaves, ready], atOnce: false });
  const target = { cert: path, key: `${etcd.pki}/ca-key.pem` };
  const only = [
    g.add('ca-members', holders, installKeyPair({ source: next, target, keep: false }), { after: brought }),
    g.add('trust-new', others, trustBundle({ path, authorities: [next.cert], only: true }), { after: brought }),
  ];
  const restarted = restartEtcdAndClients(g, ctx, 'new', only);
  g.add('promote', [CONTROL_NODE], promoteCa({ current, next, previous }), { after: restarted });
}

/** Members and apiservers read whom to trust when they start: one after the other, each healthy before the next. */
function restartEtcdAndClients(g: Draft<StepContext>, ctx: PlanContext, pass: string, after: After): Ref {
  const members = etcdMembers(ctx);
  const endpoints = members.map(({ clientUrl }) => clientUrl);
  let turn: After = after;
  let last: Ref | undefined;
  for (const { name, clientUrl } of members) {
    const restart = reconfigureEtcdMember({ service: etcdService, inputs: etcdInputs, endpoint: clientUrl });
    const restarted = g.add(`trust-${pass}-member-${name}`, [name], restart, { after: turn });
    last = g.add(`trust-${pass}-health-${name}`, [name], checkEtcdHealth({ endpoints }), { after: restarted });
    turn = last;
  }
  for (const host of hostsWithRole(ctx, 'control-plane')) {
    const step = restartPod(ctx, host, 'kube-apiserver', [`${etcd.pki}/ca.pem`]);
    last = g.add(`trust-${pass}-apiserver-${host}`, [host], step, { after: turn });
    turn = last;
  }
  if (last === undefined) throw new KubexmError('INTERNAL', 'the config has no etcd member');
  return last;
}
