import assert from 'node:assert/strict';
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  assertRestored,
  backup,
  etcdRuns,
  fillNamespace,
  foreignSnapshot,
  namespaceDigest,
  oldData,
} from '../harness/etcd-restore.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

export const etcd2 = scenario({
  id: 'etcd-2',
  title:
    'etcd is backed up; deleted objects come back, also after all data is lost; what is no snapshot of it is refused',
  hosts: 3,
  timeoutMinutes: 20,
  async run(t) {
    const [first = ''] = t.hostNames;
    const cluster = { controlPlanes: 2, etcd: 3, workers: 1 };
    const backup2 = { keep: 2, schedule: '*:*:0/10' };
    await t.clusterYaml({ ...cluster, overrides: { etcd: { backup: backup2 } } });
    const { ms: createMs } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', seconds(createMs));
    await fillNamespace(t, 'precious', 200);
    const digest = await namespaceDigest(t, 'precious');

    // Of three that are taken two stay, here and on the hosts.
    await backup(t);
    await backup(t);
    const saved = await backup(t, ['--to', 'copy.db']);
    t.measure('snapshot', `revision ${saved.revision}, ${saved.keys} keys, ${saved.size} bytes, from ${saved.host}`);
    assert.deepEqual(await readFile(join(t.dir, 'copy.db')), await readFile(saved.localPath));
    const there = await t.onHost(
      saved.host,
      `grep -l '"kind":"command"' /var/backups/etcd/*.json; stat -c %a /var/backups/etcd /var/backups/etcd/*`,
    );
    assert.deepEqual(there.match(/^\S+\.json$/gm)?.length, 2, there);
    assert.match(there, /^700$/m);
    const { backups } = JSON.parse((await t.kubexmOk(['etcd', 'backups', '--verify', '-o', 'json'])).stdout) as {
      backups: readonly { readonly kind: string; readonly intact: boolean }[];
    };
    const own = backups.filter(({ kind }) => kind === 'command');
    assert.deepEqual(
      own.map(({ intact }) => intact),
      [true, true, true, true],
    );

    // What is no snapshot of this cluster is refused before anything stops.
    const runs = await etcdRuns(t);
    const bad = { page: join(t.dir, 'page.db'), cut: join(t.dir, 'cut.db'), pages: join(t.dir, 'pages.db') };
    await writeFile(bad.page, `<!DOCTYPE html><html><body>${'404 Not Found '.repeat(100)}</body></html>`);
    for (const path of [bad.cut, bad.pages]) await copyFile(saved.localPath, path);
    await truncate(bad.cut, saved.size - 5000);
    await truncate(bad.pages, saved.size - 32 - 4096);
    for (const [what, path] of [...Object.entries(bad), ['foreign', await foreignSnapshot(t, first)] as const]) {
      const { exitCode, stderr, ms } = await t.kubexm(['etcd', 'restore', path, '--yes']);
      assert.equal(exitCode, 4, `${what}: ${stderr}`);
      t.measure(`${what} is refused`, `${seconds(ms)}: ${/✖ (.*)/.exec(stderr)?.[1] ?? ''}`);
    }
    const absent = await t.kubexm(['etcd', 'restore', 'nowhere.db', '--yes']);
    assert.equal(absent.exitCode, 1, absent.stderr);
    assert.deepEqual(await etcdRuns(t), runs, 'nothing was stopped');
    assert.deepEqual(await oldData(t), [[], [], []]);

    await t.kubectl('delete namespace precious --timeout=60s');
    const { ms } = await t.kubexmOk(['etcd', 'restore', saved.name, '--yes']);
    t.measure('etcd restore of what was deleted', seconds(ms));
    await assertRestored(t);
    assert.equal(await namespaceDigest(t, 'precious'), digest);
    assert.deepEqual(
      (await oldData(t)).map((each) => each.length),
      [1, 1, 1],
    );
    await t.kubectl('create configmap after -n precious');
    const withAfter = await namespaceDigest(t, 'precious');
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(again.stdout, /nothing to change/i, 'create finds the restored cluster as the config wants it');

    // Every member makes its own by time, keeps two, and stops when the schedule is gone.
    const byTime = async (host: string) =>
      (await t.onHost(host, `grep -l '"kind":"schedule"' /var/backups/etcd/*.json || true`))
        .trim()
        .split('\n')
        .filter(Boolean);
    for (const host of t.hostNames)
      await t.eventually(`two timed snapshots on ${host}`, async () => (await byTime(host)).length === 2, {
        timeoutMs: 120_000,
      });
    await t.eventually(
      'the timers have made snapshots of what was restored',
      async () => {
        const { stdout } = await t.kubexmOk(['etcd', 'backups', '-o', 'json']);
        const { timers } = JSON.parse(stdout) as {
          timers: readonly { readonly timer: string; readonly lastSuccess?: { readonly revision: number } }[];
        };
        return (
          timers.length === 3 &&
          timers.every(({ timer, lastSuccess }) => timer === 'active' && (lastSuccess?.revision ?? 0) > 1e9)
        );
      },
      { timeoutMs: 90_000, everyMs: 3000 },
    );
    await t.clusterYaml({ ...cluster, overrides: { etcd: { backup: { keep: 2 } } } });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    for (const host of t.hostNames) {
      const left = await t.onHost(
        host,
        'ls /etc/systemd/system/*/kubexm-etcd* /etc/systemd/system/kubexm-etcd* /usr/local/sbin/kubexm-etcd* 2>/dev/null; true',
      );
      assert.equal(left, '', `left of the timer on ${host}`);
      assert.equal((await byTime(host)).length, 2, 'the snapshots stay');
    }

    // A snapshot that does not know a node which is there when all is lost.
    const [, , third = ''] = t.hostNames;
    await t.kubectl(['delete', 'node', third]);
    await backup(t, ['--to', 'last.db']);
    await t.onHost(third, 'systemctl restart kubelet');
    await t.eventually(
      `${third} has registered again`,
      async () => (await t.kubectl(`get node ${third} -o name`)) !== '',
    );
    await t.kubectl('create configmap late -n precious');

    // All members lose all: etcd does not even answer.
    await Promise.all(
      t.hostNames.map((host) =>
        t.onHost(host, 'systemctl kill -s KILL etcd; systemctl stop etcd; rm -rf /var/lib/etcd/*'),
      ),
    );
    const { ms: lossMs } = await t.kubexmOk(['etcd', 'restore', 'last.db', '--yes']);
    t.measure('etcd restore after the loss of all data', seconds(lossMs));
    await assertRestored(t);
    assert.equal(await namespaceDigest(t, 'precious'), withAfter);
    const late = await t.kubectl('get configmap late -n precious --ignore-not-found');
    assert.equal(late.trim(), '', 'what was made after the snapshot is gone');
    await backup(t);
  },
});
