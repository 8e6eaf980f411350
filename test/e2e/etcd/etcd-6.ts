import { assertApiserverEndpoints, assertNothingToChange, assertVoters, etcdYaml } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';

export const etcd6 = scenario({
  id: 'etcd-6',
  title: 'each apiserver has the endpoints of the members that there are, whichever way they came or went',
  hosts: 4,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 2);
    const three = t.hostNames.slice(0, 3);
    const four = t.hostNames;
    const [, , third = '', fourth = ''] = t.hostNames;
    const whole = async (members: readonly string[]) => {
      await assertVoters(t, members);
      await assertApiserverEndpoints(t, { controlPlanes, members });
      await assertNothingToChange(t, `with ${members.join(', ')}`);
    };
    const timed = async (what: string, args: readonly string[]) => {
      const { ms } = await t.kubexmOk([...args, '--yes']);
      t.measure(what, `${(ms / 1000).toFixed(1)} s`);
    };
    await etcdYaml(t, { etcd: three, controlPlanes });
    await timed('cluster create', ['cluster', 'create']);
    await assertApiserverEndpoints(t, { controlPlanes, members: three });

    await etcdYaml(t, { etcd: four, controlPlanes });
    await timed('add-member', ['etcd', 'add-member', fourth]);
    await whole(four);

    await timed('remove-member', ['etcd', 'remove-member', third]);
    const rest = four.filter((name) => name !== third);
    await assertApiserverEndpoints(t, { controlPlanes, members: rest });
    await etcdYaml(t, { etcd: rest, controlPlanes });
    await whole(rest);

    // The other way: into the config, and the whole cluster is brought to it. The new one stands first.
    await etcdYaml(t, { etcd: [third, ...rest], controlPlanes });
    await timed('the same by cluster create', ['cluster', 'create']);
    await whole([third, ...rest]);
  },
});
