import { certsRenewal } from '../../common/certs-renewal.js';
import { hostPaths } from '../../common/host-paths.js';
import { type After, draft, type HostName, sameHost } from '../../plan/index.js';
import {
  checkCalendar,
  daemonReload,
  enableService,
  makeDirectory,
  removeTimer,
  renderTemplate,
  restartService,
  type StepContext,
} from '../../step/index.js';
import { placeBinary } from '../artifacts.js';
import { defineTask, type Fragment, hostsWithRole, ownHosts, type PlanContext } from '../context.js';
import { nodeJoined } from '../milestones.js';

const { timer, service, script, directory, kubeadm } = certsRenewal;
const unitPath = (unit: string) => `${hostPaths.units}/${unit}`;

/** Hosts whose certificates do not renew themselves: control planes, and members of an etcd of kubexm's own. */
export function renewalHosts(ctx: PlanContext): readonly HostName[] {
  const members = ctx.cluster.spec.etcd.type === 'kubexm' ? ownHosts(ctx, 'etcd') : [];
  return [...new Set([...ownHosts(ctx, 'control-plane'), ...members])];
}

/**
 * The hosts on which the key of etcd's CA lies: its members; and, where hosts renew their certificates themselves, control
 * planes, whose own certificate for etcd it signs.
 */
export function etcdCaKeyHosts(ctx: PlanContext): readonly HostName[] {
  const members = hostsWithRole(ctx, 'etcd');
  const others = ctx.cluster.spec.certs.autoRenew.enabled ? hostsWithRole(ctx, 'control-plane') : [];
  return [...new Set([...members, ...others])];
}

/** The timer that renews certificates on the hosts themselves; where the config does not ask for it, it goes. */
export const installRenewalTimer = defineTask('renewal-timer', (ctx) =>
  renewalTimer(ctx, { hosts: renewalHosts(ctx), after: nodeJoined }),
);

/** The same for some hosts. `after`: their certificates are there, and what they are for serves. */
export function renewalTimer(
  ctx: PlanContext,
  { hosts: asked, after }: { readonly hosts: readonly HostName[]; readonly after: After },
): Fragment {
  const { certs, kubernetes, roleGroups } = ctx.cluster.spec;
  const { enabled, schedule, withinDays } = certs.autoRenew;
  const g = draft<StepContext>('renewal-timer');
  const hosts = asked.filter((host) => ctx.facts.has(host));
  if (!enabled) {
    g.addEach('remove', hosts, (host) => noRenewalTimer(ctx, host));
    return g.done();
  }
  const valid = { after: sameHost(g.add('check-schedule', hosts, checkCalendar({ calendar: schedule }))) };
  const file = (name: string, target: string, data: Readonly<Record<string, string | number>>, mode?: number) =>
    g.add(
      `write-${name.replace('.', '-')}`,
      hosts,
      renderTemplate({ template: `certs/${name}`, data, target, ...(mode === undefined ? {} : { mode }) }),
      valid,
    );
  const written = [
    file('renew.sh', script, {}, 0o755),
    file('renew.service', unitPath(service), { withinDays, script }),
    file('renew.timer', unitPath(timer), { schedule }),
  ];
  const nodes = [...roleGroups['control-plane'], ...roleGroups.worker];
  const strangers = hosts.filter((host) => !nodes.includes(host));
  const made = g.add('make-directory', strangers, makeDirectory({ path: directory, mode: 0o700 }), valid);
  const signer = placeBinary(
    { g, ctx, component: { name: 'kubeadm', version: kubernetes.version }, hosts: strangers, after: sameHost(made) },
    kubeadm,
  );
  const ready = sameHost([...written, signer], { where: 'present' });
  const reloaded = g.add('reload', hosts, daemonReload({ units: [timer, service] }), { after: ready });
  const turnedOn = g.add('enable', hosts, enableService({ service: timer }), { after: sameHost(reloaded) });
  g.add('start', hosts, restartService({ service: timer, inputs: [unitPath(timer)] }), {
    after: [sameHost(turnedOn), after],
  });
  return g.done();
}

/** A host that renews nothing by itself (any more). A control plane that is no member has no use for the key of etcd's CA then. */
export function noRenewalTimer(ctx: PlanContext, host: HostName) {
  const isMember = hostsWithRole(ctx, 'etcd').includes(host);
  const isControlPlane = hostsWithRole(ctx, 'control-plane').includes(host);
  const key = isControlPlane && !isMember ? [`${hostPaths.etcd.pki}/ca-key.pem`] : [];
  return removeTimer({
    timer,
    service,
    files: [unitPath(timer), unitPath(service), script, ...key],
    directories: [directory],
  });
}
