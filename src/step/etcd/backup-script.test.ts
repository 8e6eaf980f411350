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
*"alarm list"*) echo "$ALARMS" ;;
*status*) echo '[{"Status":{"header":{"cluster_id":1,"member_id":2,"revision":7},"version":"3.6.14","dbSize":100}}]' ;;
*) echo "{\\"header\\":{\\"revision\\":$REVISION}}" ;;
esac
`;
const etcdutl = `#!/bin/sh
echo "{\\"hash\\":1,\\"revision\\":$FOUND,\\"totalKey\\":3,\\"totalSize\\":4}"
`;

interface Told {
  /** As `etcdctl alarm list` prints them. The script asks the member 2. */
  readonly alarms?: string;
  /** What etcd says, and what etcdutl finds in the snapshot. */
  readonly revision?: number;
  readonly found?: number;
  /** SHA-256 of the snapshot that a restore is made from, and which of its files tell. */
  readonly restoring?: { readonly file: 'marker.json' | 'etcd.restore/restore.json'; readonly sha256: string };
}

/** Runs the script on a directory; the name of what it has saved. */
async function backUp(
  dir: string,
  { alarms = '', revision = 7, found = revision, restoring }: Told = {},
): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'kubexm-backup-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const saved = join(root, 'saved.db');
  await writeFile(saved, Buffer.concat([Buffer.from('data'), createHash('sha256').update('data').digest()]));
  for (const [name, text] of Object.entries({ etcdctl, etcdutl })) {
    await writeFile(join(root, name), text);
    await chmod(join(root, name), 0o755);
  }
  const script = (await readFile(template, 'utf8'))
    .replaceAll('/usr/local/bin/', `${root}/`)
    .replaceAll('/var/lib/kubexm/etcd-restore', root)
    .replaceAll('/etc/etcd/etcd.yaml', `${root}/etcd.yaml`);
  await mkdir(join(root, 'etcd.restore'));
  await mkdir(join(root, 'etcd'));
  await writeFile(join(root, 'etcd.yaml'), `name: m1\ndata-dir: ${root}/etcd\n`);
  if (restoring) await writeFile(join(root, restoring.file), `{"id":"T1","sha256":"${restoring.sha256}"}\n`);
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
  const answers = { SAVED: saved, ALARMS: alarms, REVISION: `${revision}`, FOUND: `${found}` };
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { env: { ...process.env, ...env, ...answers } });
  return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { name: string }).name;
}

async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kubexm-backups-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('the snapshot just made stays, also where the clock was set back behind older ones', async () => {
  const dir = await directory();
  for (const year of [2098, 2099]) {
    const name = `etcd-demo-${year}0101T000000Z-rev5`;
    await writeFile(join(dir, `${name}.db`), 'old');
    await writeFile(join(dir, `${name}.json`), '{"writtenBy":"kubexm","kind":"timer","cluster":"demo"}');
  }
  const name = await backUp(dir);
  expect((await readdir(dir)).filter((file) => file.endsWith('.db')).toSorted()).toEqual(
    [`${name}.db`, 'etcd-demo-20990101T000000Z-rev5.db'].toSorted(),
  );
});

test.each(['marker.json', 'etcd.restore/restore.json'] as const)(
  'what a restore that is not over was made from stays: %s',
  async (file) => {
    const dir = await directory();
    const old = (year: number) => `etcd-demo-${year}0101T000000Z-rev5`;
    for (const year of [2001, 2002, 2003]) {
      await writeFile(join(dir, `${old(year)}.db`), 'old');
      const metadata = `{"writtenBy":"kubexm","kind":"timer","cluster":"demo","sha256":"${`${year}`.repeat(16)}"}`;
      await writeFile(join(dir, `${old(year)}.json`), metadata);
    }
    const name = await backUp(dir, { restoring: { file, sha256: '2001'.repeat(16) } });
    const names = [name, old(2001), old(2003)].map((each) => `${each}.db`);
    expect((await readdir(dir)).filter((each) => each.endsWith('.db')).toSorted()).toEqual(names.toSorted());
  },
);

test('a member whose data is corrupt saves nothing; beside one, and without space, it does', async () => {
  const dir = await directory();
  await expect(backUp(dir, { alarms: 'memberID:2 alarm:CORRUPT ' })).rejects.toMatchObject({
    stderr: expect.stringContaining('m1 has the alarm CORRUPT'),
  });
  expect(await readdir(dir)).toEqual([]);
  expect(await backUp(dir, { alarms: 'memberID:22 alarm:CORRUPT \nmemberID:2 alarm:NOSPACE ' })).toContain('rev7');
});

test('an etcd that nobody has written to is saved; a snapshot that lacks what was written is not', async () => {
  expect(await backUp(await directory(), { revision: 1, found: 0 })).toContain('-rev1');
  await expect(backUp(await directory(), { revision: 2, found: 0 })).rejects.toMatchObject({
    stderr: expect.stringContaining('ends at revision 0, etcd was at 2'),
  });
});
