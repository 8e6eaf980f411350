import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { assertRestored, backup, fillNamespace, namespaceDigest, oldData } from '../harness/etcd-restore.js';
import { acting, finished } from '../harness/killed.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

export const etcd4c = scenario({
  id: 'etcd-4c',
  title: 'a restore that is killed with -9 anywhere ends right when the same command is run again',
  hosts: 3,
  timeoutMinutes: 25,
  async run(t) {
    const [first = '', second = ''] = t.hostNames;
    await t.clusterYaml({ controlPlanes: 1, etcd: 3, workers: 2 });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await fillNamespace(t, 'precious', 50);
    const digest = await namespaceDigest(t, 'precious');
    const saved = await backup(t);
    const events = async () => (await t.journal({ graph: 'restore-etcd' })).events;

    const moments: readonly [string, (seen: Awaited<ReturnType<typeof events>>) => boolean][] = [
      ['when the manifests were moved away', (seen) => finished(seen, '/stop-apiservers', first)],
      ['when the members were stopped', (seen) => finished(seen, '/stop-etcd', second)],
      ['when data was moved', (seen) => finished(seen, '/move-data', second)],
      ['while the control planes start', (seen) => acting(seen, '/start-control-planes')],
    ];
    let restores = 0;
    for (const [name, when] of moments) {
      await t.kubectl('delete namespace precious --timeout=60s');
      const runsBefore = (await events().catch(() => [])).length;
      const killed = await t.kubexm(['etcd', 'restore', saved.localPath, '--yes'], {
        killAfter: {
          async when() {
            const seen = await events().catch(() => []);
            return seen.length > 0 && seen.length !== runsBefore && when(seen);
          },
        },
      });
      assert.ok(
        killed.killed,
        `${name}: the moment did not come; the run ended with ${killed.exitCode}\n${killed.stderr}`,
      );
      restores += 1;
      if (name === 'when data was moved') {
        const other = await otherSnapshot(saved.localPath);
        const refused = await t.kubexm(['etcd', 'restore', other, '--yes']);
        assert.equal(refused.exitCode, 4, `another snapshot in the middle of a restore: ${refused.stderr}`);
        assert.match(refused.stderr, /half done/);
        const create = await t.kubexm(['cluster', 'create', '--yes']);
        assert.equal(create.exitCode, 4, `cluster create in the middle of a restore: ${create.stderr}`);
      }
      const again = await t.kubexm(['etcd', 'restore', saved.localPath, '--yes']);
      assert.equal(again.exitCode, 0, `${name}: the second run\n${again.stdout}\n${again.stderr}\n(${again.logPath})`);
      t.measure(`killed ${name}`, `after ${seconds(killed.ms)}; the second run took ${seconds(again.ms)}`);
      await assertRestored(t);
      assert.equal(await namespaceDigest(t, 'precious'), digest, name);
      assert.deepEqual(
        (await oldData(t)).map((each) => each.length),
        [restores, restores, restores],
        `${name}: data was moved aside once`,
      );
    }
  },
});

/** Another whole snapshot of the same cluster beside this one: each restore saves what is there first. */
async function otherSnapshot(path: string): Promise<string> {
  const names = (await readdir(dirname(path))).filter((name) => name.endsWith('.db') && name !== basename(path));
  assert.ok(names[0] !== undefined, 'what was there before a restore was not saved');
  return join(dirname(path), names[0]);
}
