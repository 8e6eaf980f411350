import { createHash } from 'node:crypto';
import { type After, draft, type HostName, sameHost } from '../../plan/index.js';
import {
  command,
  configureHostsFile,
  disableSwap,
  installPackage,
  modprobe,
  type StepContext,
  setHostname,
  setTimezone,
  sysctl,
} from '../../step/index.js';
import { allHosts, defineTask, hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { endpointAddresses, presentNodes } from '../endpoint/hosts.js';
import { nodeJoined, osReady } from '../milestones.js';
import { keepTime } from './keep-time.js';

const scriptStamps = '/var/lib/kubexm/scripts';
const nodeModules = ['overlay', 'br_netfilter'];
const ipvsModules = ['ip_vs', 'ip_vs_rr', 'ip_vs_wrr', 'ip_vs_sh', 'nf_conntrack'];

/** What Kubernetes needs of the kernel, and what busy nodes run out of first. */
const nodeSysctls = {
  'net.ipv4.ip_forward': 1,
  'net.bridge.bridge-nf-call-iptables': 1,
  'net.bridge.bridge-nf-call-ip6tables': 1,
  'fs.inotify.max_user_instances': 8192,
  'fs.inotify.max_user_watches': 524288,
  'vm.max_map_count': 262144,
  'net.core.somaxconn': 32768,
};

/** Kernel modules and parameters, swap, names: every host on its own, as fast as it can. */
export const prepareOs = defineTask('prepare-os', (ctx) => {
  const { system, kubernetes } = ctx.cluster.spec;
  const hosts = allHosts(ctx);
  const nodes = nodeHosts(ctx);
  const g = draft<StepContext>('prepare-os');
  const before = system.preInstall.map((text, index) =>
    g.add(`pre-install-${index + 1}`, hosts, userScript(text, `Run preInstall ${index + 1}`)),
  );
  const after = before.length > 0 ? { after: sameHost(before) } : {};
  const packages = g.add(
    'packages',
    system.packages.length > 0 ? hosts : [],
    installPackage({ packages: system.packages }),
    after,
  );
  const modules = g.add(
    'modules',
    nodes,
    modprobe({
      modules: [...nodeModules, ...(kubernetes.kubeProxy.mode === 'ipvs' ? ipvsModules : []), ...system.modules],
    }),
    after,
  );
  // The bridge's parameters exist only once br_netfilter is loaded.
  const kernel = g.add('sysctl', nodes, sysctl({ values: { ...nodeSysctls, ...system.sysctl } }), {
    after: sameHost(modules),
  });
  const swap = g.add('swap', nodes, disableSwap({}), after);
  const hostname = g.addEach('hostname', hosts, (host) => setHostname({ hostname: host }), after);
  // Nodes that are there already hold on to where they find the API until it can be found elsewhere: `followEndpoint`.
  const present = new Set(presentNodes(ctx));
  const fresh = hosts.filter((host) => !present.has(host));
  const names = g.addEach('hosts-file', fresh, (host) => hostsFile(ctx, host), after);
  const zone =
    system.timezone === undefined ? [] : [g.add('timezone', hosts, setTimezone({ timezone: system.timezone }), after)];
  const time = keepTime(g, ctx, sameHost(packages));
  g.provide(osReady, [packages, modules, kernel, swap, hostname, names, ...zone, ...time]);
  return g.done();
});

/** The user's own commands run once for each content: a stamp on the host remembers it. */
function userScript(text: string, title: string) {
  const stamp = `${scriptStamps}/${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  return command({
    title,
    command: `( ${text}\n) && mkdir -p ${scriptStamps} && touch ${stamp}`,
    check: `test -e ${stamp}`,
    long: true,
  });
}

/**
 * Itself and the control planes by their names, and the API's name. Nobody looks for a worker or a member of etcd by its
 * name: so one more or less of them changes no other host.
 */
export function hostsFile(ctx: PlanContext, host: HostName) {
  const { controlPlaneEndpoint: endpoint, hosts } = ctx.cluster.spec;
  const named = new Set([host, ...hostsWithRole(ctx, 'control-plane')]);
  const names = hosts.flatMap(({ name, internalAddress: address }) =>
    named.has(name) ? [{ address, names: [name] }] : [],
  );
  const api = endpointAddresses(ctx, host).map((address) => ({ address, names: [endpoint.domain] }));
  return configureHostsFile({ entries: [...names, ...api] });
}

/** The user's commands after everything is installed. */
export const runPostInstall = defineTask('post-install', (ctx) => {
  const g = draft<StepContext>('post-install');
  const hosts = allHosts(ctx);
  let before: After = sameHost([osReady, nodeJoined], { where: 'present' });
  for (const [index, text] of ctx.cluster.spec.system.postInstall.entries()) {
    before = sameHost(
      g.add(`script-${index + 1}`, hosts, userScript(text, `Run postInstall ${index + 1}`), { after: before }),
    );
  }
  return g.done();
});
