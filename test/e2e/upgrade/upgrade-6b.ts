import assert from 'node:assert/strict';
import type { SpecOverrides } from '../../../lab/index.js';
import { underProbes } from '../harness/api-probe.js';
import { commandLines } from '../harness/control-plane.js';
import { scenario } from '../harness/scenario.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';
import { changes } from '../harness/upgrade.js';

export const upgrade6b = scenario({
  id: 'upgrade-6b',
  title: 'what of a changed cluster file cannot run stops at the first host, and is put back',
  hosts: 4,
  timeoutMinutes: 20,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    const [first = '', ...others] = controlPlanes;
    const write = (kubernetes: SpecOverrides) =>
      t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 1, overrides: { kubernetes } });
    await write({});
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const before = await commandLines(t, controlPlanes);

    // What no apiserver knows stops at the first, which is put back.
    await write({ apiServer: { extraArgs: { 'no-such-flag': 'x' } } });
    const broken = await underProbes(t, controlPlanes, () => t.kubexm(['cluster', 'create', '--yes']));
    t.measure('a flag that does not exist: until it was put back', seconds(broken.ms));
    assert.notEqual(broken.exitCode, 0);
    const said = `${broken.stdout}${broken.stderr}`.replaceAll(/\s+/g, ' ');
    assert.match(said, /kube-apiserver does not come up .*the old manifest was put back and serves/);
    assert.match(said, /unknown flag: --no-such-flag/);
    assert.deepEqual(await commandLines(t, controlPlanes), before, 'the static pods of all');
    for (const host of others)
      assert.doesNotMatch(await t.onHost(host, 'cat /etc/kubernetes/manifests/*'), /no-such-flag/);
    assert.doesNotMatch(await t.kubectl('-n kube-system get configmap kubeadm-config -o yaml'), /no-such-flag/);

    // The same of a kubelet.
    await write({ kubelet: { extraConfig: { evictionHard: { 'no.such.signal': '1' } } } });
    const kubelet = await t.kubexm(['cluster', 'create', '--yes']);
    t.measure('a kubelet that cannot start: until it was put back', seconds(kubelet.ms));
    assert.notEqual(kubelet.exitCode, 0);
    assert.match(
      `${kubelet.stdout}${kubelet.stderr}`.replaceAll(/\s+/g, ' '),
      /the kubelet does not come up with its new configuration; the old one was put back and works/,
    );
    for (const host of t.hostNames)
      assert.doesNotMatch(await t.onHost(host, 'cat /var/lib/kubelet/config.yaml'), /no\.such\.signal/, host);
    assert.equal(await t.onHost(first, 'systemctl is-active kubelet'), 'active\n');
    assert.doesNotMatch(await t.kubectl('-n kube-system get configmap kubelet-config -o yaml'), /no\.such\.signal/);

    // Of a client of the API, which ends at once and is put back without a restart of the apiserver.
    await write({ scheduler: { extraArgs: { 'no-such-flag': 'x' } } });
    const scheduler = await t.kubexm(['cluster', 'create', '--yes']);
    t.measure('a scheduler that cannot start: until it was put back', seconds(scheduler.ms));
    assert.match(
      `${scheduler.stdout}${scheduler.stderr}`.replaceAll(/\s+/g, ' '),
      /kube-scheduler does not come up .*the old manifest was put back and serves.*unknown flag: --no-such-flag/,
    );
    assert.deepEqual(await commandLines(t, controlPlanes), before, 'the static pods of all');

    // And of the pods that every node has.
    await write({ kubeProxy: { extraConfig: { bindAddress: 'nowhere' } } });
    const proxies = await proxyPods(t);
    const kubeProxy = await t.kubexm(['cluster', 'create', '--yes']);
    t.measure('a kube-proxy that cannot start: until it was put back', seconds(kubeProxy.ms));
    assert.match(
      `${kubeProxy.stdout}${kubeProxy.stderr}`.replaceAll(/\s+/g, ' '),
      /kube-proxy does not come up with its new configuration; the old one was put back and works.*nowhere/,
    );
    assert.doesNotMatch(await t.kubectl('-n kube-system get configmap kube-proxy -o yaml'), /nowhere/);
    const untouched = (await proxyPods(t)).filter((name) => proxies.includes(name));
    t.measure('pods of kube-proxy that went on running', `${untouched.length} of ${proxies.length}`);
    // One that ends at once may have been ready for a moment, and then the next begins.
    assert.ok(untouched.length >= t.hostNames.length - 2, untouched.join(', '));

    await write({});
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.deepEqual(await changes(t, 'create-cluster'), [], 'a run with the file corrected');
  },
});

/** By name: a pod that was replaced has another. */
async function proxyPods(t: ScenarioTools): Promise<readonly string[]> {
  return (await t.kubectl('-n kube-system get pods -l k8s-app=kube-proxy -o name')).trim().split('\n');
}
