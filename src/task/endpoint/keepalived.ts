import { endpointConfig, hostPaths, ports } from '../../common/host-paths.js';
import { CONTROL_NODE, type Draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import {
  daemonReload,
  enableService,
  generateToken,
  installPackage,
  renderTemplate,
  restartService,
  type StepContext,
  writeFile,
} from '../../step/index.js';
import { internalAddress, type PlanContext } from '../context.js';
import { osReady } from '../milestones.js';
import { haproxyConfig } from './balance.js';
import { addressInterface, addressKeepers, answering, servesItself } from './hosts.js';

const { haproxyUnit, keepalivedUnit } = hostPaths.endpoint;
const haproxyService = 'kubexm-haproxy.service';
const keepalivedService = 'kubexm-keepalived.service';

/**
 * keepalived on the hosts that keep the address, and haproxy on those of them whose own API server does not answer there. Both as
 * units of kubexm's own: what the distribution's units do stays somebody else's. One host after the other, so that a change
 * moves the address and does not lose it.
 */
export function keepByKeepalived(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { address, routerId }: { readonly address: string; readonly routerId: number },
): readonly Ref[] {
  const keepers = answering(ctx, addressKeepers(ctx));
  const balancers = keepers.filter((host) => !servesItself(ctx, host));
  const packaged = [
    ...installed(g, 'packages-keepalived', keepers, ['keepalived', 'curl']),
    ...installed(g, 'packages-haproxy', balancers, ['haproxy']),
  ];
  const configured = [
    ...writeKeepalived(g, ctx, { keepers, address, routerId }),
    g.add('haproxy-config', balancers, haproxyConfig(ctx, { bind: '*', target: endpointConfig.haproxy })),
    unit(g, balancers, { service: haproxyService, target: haproxyUnit, config: endpointConfig.haproxy }),
    unit(g, keepers, { service: keepalivedService, target: keepalivedUnit, config: endpointConfig.keepalived }),
  ];
  const reloaded = g.add(
    'daemon-reload',
    keepers,
    daemonReload({ units: [keepalivedService, ...(balancers.length > 0 ? [haproxyService] : [])] }),
    { after: sameHost([...packaged, ...configured], { where: 'present' }) },
  );
  const enabled = [
    g.add('enable-haproxy', balancers, enableService({ service: haproxyService }), { after: sameHost(reloaded) }),
    g.add('enable-keepalived', keepers, enableService({ service: keepalivedService }), { after: sameHost(reloaded) }),
  ];
  let last: readonly Ref[] = enabled;
  for (const host of keepers) {
    const { keepalived, auth, check, haproxy } = endpointConfig;
    if (balancers.includes(host)) {
      const step = restartService({ service: haproxyService, inputs: [haproxy, haproxyUnit] });
      last = [g.add(`haproxy-${host}`, [host], step, { after: last })];
    }
    const step = restartService({ service: keepalivedService, inputs: [keepalived, auth, check, keepalivedUnit] });
    last = [g.add(`keepalived-${host}`, [host], step, { after: last })];
  }
  return last;
}

function installed(
  g: Draft<StepContext>,
  name: string,
  hosts: readonly HostName[],
  packages: readonly string[],
): readonly Ref[] {
  return [g.add(name, hosts, installPackage({ packages }), { after: sameHost(osReady, { where: 'present' }) })];
}

function writeKeepalived(
  g: Draft<StepContext>,
  ctx: PlanContext,
  {
    keepers,
    address,
    routerId,
  }: { readonly keepers: readonly HostName[]; readonly address: string; readonly routerId: number },
): readonly Ref[] {
  const all = addressKeepers(ctx);
  const password = `${ctx.workDirs.getCertsDir('kubernetes')}/vrrp-password`;
  const made = g.shared(
    '/pki/kubernetes/vrrp-password',
    [CONTROL_NODE],
    generateToken({ path: password, form: 'password' }),
  );
  const url = (host: HostName) =>
    servesItself(ctx, host)
      ? `https://127.0.0.1:${ports.apiserver}/readyz`
      : `http://127.0.0.1:${ports.haproxyHealth}/live`;
  return [
    g.addEach('keepalived-config', keepers, (host) =>
      renderTemplate({
        template: 'endpoint/keepalived.conf',
        data: {
          name: host,
          check: endpointConfig.check,
          auth: endpointConfig.auth,
          interface: addressInterface(ctx, host, address),
          routerId,
          priority: 150 - all.indexOf(host),
          source: internalAddress(ctx, host),
          peers: all.filter((other) => other !== host).map((other) => internalAddress(ctx, other)),
          address,
        },
        target: endpointConfig.keepalived,
      }),
    ),
    g.add(
      'keepalived-auth',
      keepers,
      writeFile({
        content: ['auth_pass ', { $secret: `file:${password}` }, '\n'],
        target: endpointConfig.auth,
        mode: 0o600,
      }),
      { after: made },
    ),
    g.addEach('keepalived-check', keepers, (host) =>
      renderTemplate({
        template: 'endpoint/check.sh',
        data: { url: url(host) },
        target: endpointConfig.check,
        mode: 0o755,
      }),
    ),
  ];
}

function unit(
  g: Draft<StepContext>,
  hosts: readonly HostName[],
  { service, target, config }: { readonly service: string; readonly target: string; readonly config: string },
): Ref {
  return g.add(`unit-${service}`, hosts, renderTemplate({ template: `endpoint/${service}`, data: { config }, target }));
}
