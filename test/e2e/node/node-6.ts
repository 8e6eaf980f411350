import assert from 'node:assert/strict';
import { draft } from '../../../src/plan/index.js';
import type { StepContext } from '../../../src/step/index.js';
import { installDocker } from '../../../src/task/container-runtime/install-docker.js';
import { runtimeOf } from '../../../src/task/container-runtime/runtime-hosts.js';
import { uninstallContainerRuntime } from '../../../src/task/container-runtime/uninstall.js';
import type { PlanContext } from '../../../src/task/index.js';
import { prepareOs } from '../../../src/task/index.js';
import { runFragment } from '../harness/fragment.js';
import { scenario } from '../harness/scenario.js';
import { runsSince } from './containers.js';
import { labDocker } from './docker.js';

export const node6 = scenario({
  id: 'node-6',
  title: "docker from the distribution's packages: configured, restarted only for a change, gone without a trace",
  hosts: 1,
  async run(t) {
    const [host = ''] = t.hostNames;
    const write = (extraConfig: Readonly<Record<string, unknown>> = {}) => {
      const { docker, preInstall } = labDocker(extraConfig);
      return t.clusterYaml({
        overrides: {
          kubernetes: { containerRuntime: { type: 'docker', version: '26.1.5', docker: docker as never } },
          system: { preInstall },
          registry: { insecure: ['10.99.0.1:5000'] },
        },
      });
    };
    const install = (ctx: PlanContext) => {
      const g = draft<StepContext>('docker');
      g.include(prepareOs.plan(ctx));
      const runtime = runtimeOf(ctx, host);
      assert.equal(runtime.type, 'docker');
      if (runtime.type === 'docker') installDocker({ g, ctx, runtime, hosts: [host], inUse: false, drains: false });
      return g.done();
    };
    const before = await remains(t.onHost, host);
    // Something that is in the way: it is named, and goes.
    await t.onHost(
      host,
      'apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q podman-docker',
      {
        timeoutMs: 240_000,
      },
    );

    await write();
    const started = performance.now();
    const first = await runFragment(t, install);
    assert.deepEqual(first.failed, []);
    t.measure('docker installed', `${((performance.now() - started) / 1000).toFixed(1)} s`);
    assert.ok(first.changed.some((job) => job.endsWith('remove-conflicting-packages')));
    const info = JSON.parse(await t.onHost(host, "docker info --format '{{json .}}'")) as Record<string, unknown>;
    t.measure('docker', `${String(info.ServerVersion)}, ${String(info.CgroupDriver)}, ${String(info.Driver)}`);
    assert.equal(info.CgroupDriver, 'systemd');
    assert.equal(info.Driver, 'overlay2');
    assert.equal(info.LoggingDriver, 'json-file');
    assert.equal(info.LiveRestoreEnabled, true);
    await t.onHost(host, 'docker run -d --name kept 10.99.0.1:5000/library/busybox:1.36 sleep 3600');
    const container = await t.onHost(host, "docker inspect -f '{{.Id}} {{.State.StartedAt}}' kept");

    const since = await runsSince(t, host, 'docker');
    assert.deepEqual((await runFragment(t, install)).changed, [], 'a second run');
    assert.equal(await runsSince(t, host, 'docker'), since);

    await write({ 'log-opts': { 'max-size': '7m' } });
    const changed = await runFragment(t, install);
    assert.deepEqual(changed.failed, []);
    assert.deepEqual(changed.changed, [`${host} docker/write-daemon-config`, `${host} docker/start-docker`]);
    assert.ok((await runsSince(t, host, 'docker')) > since);
    assert.equal(await t.onHost(host, "docker inspect -f '{{.Id}} {{.State.StartedAt}}' kept"), container);
    t.measure('restarts', 'one, for a change of daemon.json; the container went on running');

    const gone = await runFragment(t, (ctx) =>
      uninstallContainerRuntime({ runtime: runtimeOf(ctx, host), hosts: [host], wipeData: true, tools: true }),
    );
    assert.deepEqual(gone.failed, []);
    assert.deepEqual(await remains(t.onHost, host), before);
    const again = await runFragment(t, (ctx) =>
      uninstallContainerRuntime({ runtime: runtimeOf(ctx, host), hosts: [host], wipeData: true, tools: true }),
    );
    assert.deepEqual(again.changed, [], 'a second clean-up');
  },
});

/** What docker could leave: packages, processes, links, rules, mounts, files. */
async function remains(onHost: (name: string, script: string) => Promise<string>, host: string): Promise<string> {
  return onHost(
    host,
    `dpkg-query -W -f '\${Package} \${db:Status-Abbrev}\\n' 2>/dev/null | grep -E '^(docker|containerd|runc)' || true
ps -eo comm= | grep -E 'docker|containerd' || true
ip -o link show type bridge
iptables-save 2>/dev/null | grep -i docker || true
grep -E 'docker|containerd' /proc/self/mountinfo | awk '{ print $5 }'
ls -A /var/lib/docker /var/lib/containerd /etc/docker /etc/cni /opt/cni /run/docker /run/containerd 2>/dev/null || true
systemctl list-unit-files --no-legend | grep -E 'docker|containerd' || true`,
  );
}
