import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';
import { assertSettled, assertUpgraded } from '../harness/upgrade.js';

const from = 'v1.34.4';
// A stand-in for a patch release: the sources of v1.34.4, linked with another version.
const to = 'v1.34.5';
const topology = { controlPlanes: 1, workers: 2 };
const upgrade = ['cluster', 'upgrade', '--to', to, '--max-unavailable', '100%', '--yes'];
const dropIn = '/etc/systemd/system/kubelet.service.d/90-scenario.conf';
const network = '/etc/cni/net.d/10-flannel.conflist';

/** A kind of which an old version is gone, and a pod that two budgets cover. */
const obstacles = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.x.io }
spec:
  group: x.io
  scope: Namespaced
  names: { plural: things, singular: thing, kind: Thing }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: dns-stays, namespace: kube-system }
spec: { maxUnavailable: 1, selector: { matchLabels: { k8s-app: kube-dns } } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: dns-too, namespace: kube-system }
spec: { maxUnavailable: 1, selector: { matchLabels: { k8s-app: kube-dns } } }
`;

export const upgrade2b = scenario({
  id: 'upgrade-2b',
  title: 'what would stop an upgrade is said first; a kubelet whose node never gets Ready goes back',
  hosts: 3,
  timeoutMinutes: 25,
  async run(t) {
    await ensureMirrored([{ component: 'kubernetes', version: to }], { log: (line) => t.log(line) });
    const [controlPlane = '', worker = '', last = ''] = t.hostNames;
    await t.clusterYaml({ ...topology, versions: { kubernetes: from } });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await refusedFirst(t);

    // Where the new kubelet, and only that one, starts, the network of its node goes; it serves all the same.
    // containerd looks again when a file is written, not when one is renamed into the directory.
    const there = `test ! -e /root/10-flannel.conflist || cat /root/10-flannel.conflist >${network}`;
    const gone = `mv -f ${network} /root/10-flannel.conflist`;
    await t.onHost(
      last,
      `cat >/root/network.sh <<'END'\nif /usr/local/bin/kubelet --version | grep -q ${to}; then ${gone}; else ${there}; fi; exit 0\nEND\nmkdir -p ${dropIn.slice(0, dropIn.lastIndexOf('/'))}; printf '[Service]\\nExecStartPre=/bin/sh /root/network.sh\\n' >${dropIn}; systemctl daemon-reload`,
    );
    const stopped = await t.kubexm(upgrade);
    t.measure('until the kubelet whose node is not Ready was put back', `${(stopped.ms / 1000).toFixed(1)} s`);
    assert.equal(stopped.exitCode, 3, `some nodes are upgraded, one is not\n${stopped.stderr}`);
    assert.match(
      `${stopped.stdout}${stopped.stderr}`.replaceAll(/\s+/g, ' '),
      new RegExp(`${last}: its node does not get Ready with the kubelet ${to}; ${from} was put back and works`),
    );
    assert.match(await t.onHost(last, '/usr/local/bin/kubelet --version'), new RegExp(from));
    assert.equal(await t.onHost(last, 'systemctl is-active kubelet'), 'active\n');
    await t.onHost(last, '! test -e /var/lib/kubexm/kubelet-upgrade.json');
    await t.kubectl(`wait node/${last} --for=condition=Ready --timeout=60s`);
    const nodes = await t.kubectl('get nodes -o jsonpath={.items[*].spec.unschedulable}');
    assert.equal(nodes.trim(), 'true', 'the node that was put back stays cordoned, and no other');
    assert.match(await t.kubectl(`get node ${worker} -o jsonpath={.status.nodeInfo.kubeletVersion}`), new RegExp(to));

    // Half-way, no node may join: neither by the old version nor by the new one.
    const joined = await t.kubexm(['cluster', 'create', '--yes']);
    assert.equal(joined.exitCode, 4, joined.stderr);
    assert.match(joined.stderr, new RegExp(`kubexm cluster upgrade --to ${to}`));

    await t.onHost(last, `rm ${dropIn} /root/network.sh; systemctl daemon-reload`);
    await t.kubexmOk(upgrade);
    await assertUpgraded(t, { version: to, controlPlanes: [controlPlane] });
    await t.onHost(last, '! test -e /var/lib/kubexm/kubernetes');
    await assertSettled(t, { version: to, topology });
  },
});

/** All reasons at once, in the upgrade and in its plan, and nothing is changed. */
async function refusedFirst(t: ScenarioTools): Promise<void> {
  await t.kubectl('apply -f -', { stdin: obstacles });
  await t.kubectl('wait crd/things.x.io --for=condition=Established --timeout=30s');
  await t.kubectl(
    `patch crd things.x.io --subresource=status --type=merge -p {"status":{"storedVersions":["v1","v1alpha1"]}}`,
  );
  for (const command of [upgrade, ['cluster', 'plan', '--to', to, '--max-unavailable', '100%']]) {
    const refused = await t.kubexm(command);
    assert.equal(refused.exitCode, 4, refused.stderr);
    const said = refused.stderr.replaceAll(/\s+/g, ' ');
    assert.match(said, /objects of things\.x\.io are stored as v1alpha1, which it does not have any more/);
    assert.match(said, /kube-system\/dns-stays and kube-system\/dns-too both cover kube-system\/coredns-/);
  }
  await t.kubectl('delete crd/things.x.io');
  await t.kubectl('-n kube-system delete pdb dns-stays dns-too');
  const planned = await t.kubexmOk(['cluster', 'plan', '--to', to, '--max-unavailable', '100%']);
  assert.match(planned.stderr, /workers, 2 at a time/);
  const offered = await t.kubexmOk([...upgrade.slice(0, -1), '--dry-run']);
  assert.match(offered.stderr, new RegExp(`Next: kubexm ${upgrade.slice(0, -1).join(' ')}`));
}
