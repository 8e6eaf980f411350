import { hostPaths } from '../../common/host-paths.js';
import { sh } from '../../runner/index.js';
import { rememberBefore } from '../common/before.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import type { DaemonReload, RestartPending, RestartService, ServiceName, StartService, StopService } from './params.js';
import { currentStamp, readInputs, writeStamp } from './stamp.js';
import { systemctl, unitName, usableUnit } from './unit.js';

/** systemd has its own limits for starting and stopping; this one is above what units use. */
const policy = { timeoutMs: 900_000 };

/** Starts a service at boot from now on. */
export const enableService = defineStep({
  kind: 'service.enable',
  title: (p: ServiceName) => `Enable ${p.service}`,
  async precheck(ctx, p) {
    const { enabled } = await usableUnit(ctx, p.service);
    return enabled ? satisfied('is enabled') : needed('is not enabled');
  },
  async run({ host, signal }, p) {
    await host.run(sh`systemctl enable ${unitName(p.service)}`, { signal });
  },
  async rollback({ host }, p) {
    await host.run(sh`systemctl disable ${unitName(p.service)}`);
  },
});

/** Starts a service at boot no more; a unit that does not exist is as good. */
export const disableService = defineStep({
  kind: 'service.disable',
  title: (p: StopService) => `Disable ${p.service}`,
  async precheck({ host, signal }, p) {
    const { load, enabled } = await host.serviceState(unitName(p.service), { signal });
    if (load === 'not-found') return satisfied('there is no such unit');
    return enabled ? needed('is enabled') : satisfied('is not enabled');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    if (p.remember) await rememberBefore(ctx, 'services', { [`${unitName(p.service)} enabled`]: null });
    await host.run(sh`systemctl disable ${unitName(p.service)}`, { signal });
  },
  async rollback({ host }, p) {
    await host.run(sh`systemctl enable ${unitName(p.service)}`);
  },
});

/** Starts a service that does not run. */
export const startService = defineStep({
  kind: 'service.start',
  title: (p: StartService) => `Start ${p.service}`,
  policy,
  async precheck(ctx, p) {
    const { active } = await usableUnit(ctx, p.service);
    return active === 'active' || active === 'reloading' ? satisfied('is active') : needed(`is ${active}`);
  },
  async run(ctx, p) {
    // Read before the start: what changes while it starts must count as changed.
    const inputs = p.inputs && (await readInputs(ctx, p.inputs));
    await systemctl(ctx, 'start', p.service);
    if (inputs) await writeStamp(ctx, p.service, inputs);
  },
  rollback: (ctx, p) => systemctl(ctx, 'stop', p.service),
});

/** Stops a service; one that does not exist is as good. */
export const stopService = defineStep({
  kind: 'service.stop',
  title: (p: StopService) => `Stop ${p.service}`,
  policy,
  async precheck({ host, signal }, p) {
    const { load, active } = await host.serviceState(unitName(p.service), { signal });
    if (active === 'inactive' || active === 'failed') {
      return satisfied(load === 'not-found' ? 'there is no such unit' : `is ${active}`);
    }
    return needed(`is ${active}`);
  },
  async run(ctx, p) {
    if (p.remember) await rememberBefore(ctx, 'services', { [`${unitName(p.service)} active`]: null });
    await systemctl(ctx, 'stop', p.service);
  },
  rollback: (ctx, p) => systemctl(ctx, 'start', p.service),
});

/**
 * Restarts a service that runs with other inputs than it has now. The host says so, not the run, so that a restart is
 * made up for after kubexm was killed between writing a file and restarting: each start by kubexm leaves a stamp with
 * the id of the service's run and the inputs' digest. A run without a stamp was started by somebody else, or before a
 * boot: then the inputs' times decide.
 */
export const restartService = defineStep({
  kind: 'service.restart',
  title: (p: RestartService) => `Restart ${p.service} if its files changed`,
  reacts: true,
  policy,
  precheck: async (ctx, p) => restartState(ctx, p, await usableUnit(ctx, p.service)),
  async run(ctx, p) {
    const inputs = await readInputs(ctx, p.inputs);
    await systemctl(ctx, 'restart', p.service);
    await writeStamp(ctx, p.service, inputs);
  },
});

/** Tells those that come before a `restartService` whether it will restart a service that runs. Changes nothing. */
export const restartPending = defineStep({
  kind: 'service.restart-pending',
  title: (p: RestartPending) => `See whether ${p.service} is to be restarted`,
  reacts: true,
  writes: (p) => [p.output.$output],
  async precheck(ctx, p) {
    const unit = await usableUnit(ctx, p.service);
    const { state, because } = await restartState(ctx, p, unit);
    const pending = unit.active === 'active' && state === 'needed';
    ctx.write(p.output, pending ? because : '');
    return satisfied(pending ? `it is: ${because}` : 'it is not');
  },
  run: async () => undefined,
});

async function restartState(
  ctx: StepContext,
  p: RestartService,
  { active, activeSince }: Awaited<ReturnType<typeof usableUnit>>,
) {
  if (active !== 'active' && active !== 'reloading') return needed(`is ${active}`);
  const [inputs, stamp] = await Promise.all([readInputs(ctx, p.inputs), currentStamp(ctx, p.service)]);
  if (stamp) return stamp.inputs === inputs.sha256 ? satisfied('runs with these files') : needed('its files changed');
  // The same second may be either; a restart too many does less harm than an old configuration.
  if (inputs.changedAt >= activeSince) return needed(`${inputs.changed} is newer than the running service`);
  return satisfied('its files are older than the running service');
}

/** Makes systemd read unit files that are newer than what it has loaded. */
export const daemonReload = defineStep({
  kind: 'service.daemon-reload',
  title: (p: DaemonReload) => `Reload systemd for ${p.units.join(', ')}`,
  async precheck({ host, signal }, p) {
    const states = await Promise.all(p.units.map((unit) => host.serviceState(unitName(unit), { signal })));
    const stale = p.units.filter((_unit, index) => states[index]?.needsDaemonReload);
    if (stale.length > 0) return needed(`changed on disk: ${stale.join(', ')}`);
    const unknown = p.units.filter((_unit, index) => states[index]?.load === 'not-found').map(unitName);
    const files = await host.statMany(unknown.map(unitFile), { signal });
    const unread = unknown.filter((unit) => files.has(unitFile(unit)));
    if (unread.length > 0) return needed(`not read yet: ${unread.join(', ')}`);
    return satisfied('systemd knows the units as they are on disk');
  },
  async run({ host, signal }) {
    await host.run(sh`systemctl daemon-reload`, { signal });
  },
});

function unitFile(unit: string): string {
  return `${hostPaths.units}/${unit}`;
}
