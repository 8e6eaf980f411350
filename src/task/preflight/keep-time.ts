import { type After, type Draft, type Ref, sameHost } from '../../plan/index.js';
import {
  configureTimeServers,
  disableService,
  enableService,
  installPackage,
  type StepContext,
  stopService,
  timeInSync,
} from '../../step/index.js';
import { allHosts, factsOf, type PlanContext } from '../context.js';

/** Two that set one clock fight over it. */
const otherKeepers = ['systemd-timesyncd.service', 'ntpd.service', 'ntp.service', 'ntpsec.service'];

/** chrony with the config's servers on every host, and nobody else who sets the clock. Without servers all stays as it is. */
export function keepTime(g: Draft<StepContext>, ctx: PlanContext, after: After): readonly Ref[] {
  const { ntpServers: servers } = ctx.cluster.spec.system;
  if (servers.length === 0) return [];
  const hosts = allHosts(ctx);
  const others = otherKeepers.flatMap((service) => {
    const stopped = g.add(`stop-${service}`, hosts, stopService({ service, remember: true }), { after });
    return [
      g.add(`disable-${service}`, hosts, disableService({ service, remember: true }), { after: sameHost(stopped) }),
    ];
  });
  const installed = g.add('install-chrony', hosts, installPackage({ packages: ['chrony'] }), {
    after: sameHost(others),
  });
  // Debian's unit has the other name as an alias only, which cannot be enabled.
  const enabled = g.addEach(
    'enable-chrony',
    hosts,
    (host) =>
      enableService({ service: factsOf(ctx, host).packageManager === 'apt' ? 'chrony.service' : 'chronyd.service' }),
    { after: sameHost(installed) },
  );
  const configured = g.add('time-servers', hosts, configureTimeServers({ servers }), { after: sameHost(enabled) });
  // Choosing a server takes chrony a while: nothing waits for it, and the run is not done without it.
  g.add('time-in-sync', hosts, timeInSync({ waitSeconds: 120 }), { after: sameHost(configured) });
  return [configured];
}
