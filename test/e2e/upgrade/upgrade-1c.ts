import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { scenario } from '../harness/scenario.js';
import { assertSettled, assertUpgraded } from '../harness/upgrade.js';

// A stand-in for a patch release: the sources of v1.34.4, linked with another version.
const to = 'v1.34.5';

export const upgrade1c = scenario({
  id: 'upgrade-1c',
  title: `a cluster goes to a patch release (${to}, a stand-in made from v1.34.4), which create refuses; then nothing is left to do`,
  hosts: 3,
  needs: 'cluster-3',
  core: true,
  breaks: true,
  timeoutMinutes: 15,
  async run(t) {
    await ensureMirrored([{ component: 'kubernetes', version: to }], { log: (line) => t.log(line) });
    const topology = t.created?.topology ?? {};
    const [controlPlane = ''] = t.hostNames;

    // The version in the config alone changes nothing.
    await t.clusterYaml({ ...topology, versions: { kubernetes: to } });
    const refused = await t.kubexm(['cluster', 'create', '--yes']);
    assert.equal(refused.exitCode, 4, `cluster create with another version\n${refused.stderr}`);
    assert.match(refused.stderr, new RegExp(`kubexm cluster upgrade --to ${to}`));
    await assertUpgraded(t, { version: 'v1.34.4', controlPlanes: [controlPlane] });

    await t.clusterYaml(topology);
    const dry = await t.kubexmOk(['cluster', 'upgrade', '--to', to, '--dry-run']);
    t.measure('dry run', `${(dry.ms / 1000).toFixed(1)} s`);
    await assertUpgraded(t, { version: 'v1.34.4', controlPlanes: [controlPlane] });

    const { ms, stderr } = await t.kubexmOk(['cluster', 'upgrade', '--to', to, '--max-unavailable', '50%', '--yes']);
    t.measure(`v1.34.4 to ${to}`, `${(ms / 1000).toFixed(1)} s`);
    assert.match(stderr, new RegExp(`cluster\\.yaml:\\d+\\): spec\\.kubernetes\\.version: ${to}`));
    await assertUpgraded(t, { version: to, controlPlanes: [controlPlane] });
    await assertSettled(t, { version: to, topology });

    const back = await t.kubexm(['cluster', 'upgrade', '--to', 'v1.34.4', '--yes']);
    assert.equal(back.exitCode, 4, 'a downgrade is refused');
    assert.match(back.stderr, /would be a downgrade/);
  },
});
