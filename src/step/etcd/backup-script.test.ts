import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const template = new URL('../../../templates/etcd/backup.sh', import.meta.url);

/** Saves a file with its digest behind, at revision 7. */
const etcdctl = `#!/bin/sh
case "$*" in
*"snapshot save"*) for to; do :; done; cp "$SAVED" "$to" ;;
*status*) echo '[{"Status":{"header":{"cluster_id":1,"member_id":2,"revision":7},"version":"3.6.14","dbSize":100}}]' ;;
*) echo '{"header":{"revision":7}}' ;;
esac
`;
const etcdutl = `#!/bin/sh
echo '{"hash":1,"revision":7,"totalKey":3,"totalSize":4}'
`;

test('the snapshot just made stays, also where the clock was set back behind older ones', async () => {
  const root = await mkdtemp(join(tmpdir(), 'kubexm-backup-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const dir = join(root, 'backups');
  await mkdir(dir);
  const saved = join(root, 'saved.db');
  await writeFile(saved, Buffer.concat([Buffer.from('data'), createHash('sha256').update('data').digest()]));
  for (const [name, text] of Object.entries({ etcdctl, etcdutl })) {
    await writeFile(join(root, name), text);
    await chmod(join(root, name), 0o755);
  }
  for (const year of [2098, 2099]) {
    const name = `etcd-demo-${year}0101T000000Z-rev5`;
    await writeFile(join(dir, `${name}.db`), 'old');
    await writeFile(join(dir, `${name}.json`), '{"writtenBy":"kubexm","kind":"timer","cluster":"demo"}');
  }
  const script = (await readFile(template, 'utf8')).replaceAll('/usr/local/bin/', `${root}/`);
  const told = {
    KIND: 'timer',
    CLUSTER: 'demo',
    MEMBER: 'm1',
    ENDPOINT: '',
    DIR: dir,
    KEEP: '2',
    KUBERNETES: 'v1.34.4',
  };
  const env = Object.fromEntries(Object.entries(told).map(([name, value]) => [`KUBEXM_${name}`, value]));
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { env: { ...process.env, ...env, SAVED: saved } });
  const { name } = JSON.parse(stdout) as { name: string };
  expect((await readdir(dir)).filter((file) => file.endsWith('.db')).toSorted()).toEqual(
    [`${name}.db`, 'etcd-demo-20990101T000000Z-rev5.db'].toSorted(),
  );
});
