import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { writeEtcdConfig } from './members-config.js';

const target = '/etc/etcd/etcd.yaml';
const content = 'name: node3\ndata-dir: /var/lib/etcd\nlog-level: info\n';
const params = {
  target,
  content,
  name: 'node3',
  peerUrl: 'https://10.0.0.3:2380',
  endpoints: ['https://10.0.0.1:2379'],
  token: 'lab',
  dataDir: '/var/lib/etcd',
};
const voter = { ID: 1, name: 'node1', peerURLs: ['https://10.0.0.1:2380'] };
const own = { ID: 2, peerURLs: [params.peerUrl], isLearner: true };
const start = (cluster: string, state = 'existing') =>
  `initial-cluster: ${cluster}\ninitial-cluster-state: ${state}\ninitial-cluster-token: "lab"\n`;
const joins = start('node1=https://10.0.0.1:2380,node3=https://10.0.0.3:2380');
const log = ' 0a 00 00 00 00 00 00 86 08 01 10 07 1a 04 08 02 10 09\n';

function trial({
  text,
  hasData = false,
  members = [voter, own],
}: {
  text?: string;
  hasData?: boolean;
  members?: object[];
}) {
  return hostTrial({
    ...(text === undefined ? {} : { files: { [target]: { content: text, mode: 0o600 } } }),
    commands: [
      [/member list/, JSON.stringify({ members })],
      [/od -An/, ({ text: command }) => (hasData && command.includes('/var/lib/etcd/') ? log : '')],
    ],
  });
}
const written = ({ host }: ReturnType<typeof trial>) => String(host.files.get(target)?.content);

describe('etcd.yaml of a host without data', () => {
  test('names who is a member at that moment', async () => {
    const tried = trial({});
    expect((await tried.play(writeEtcdConfig(params))).again?.state).toBe('satisfied');
    expect(written(tried)).toBe(`${content}${joins}`);
  });

  test('is written anew when the members are others than at an earlier attempt', async () => {
    const stranger = { ID: 7, name: '', peerURLs: ['https://10.0.0.7:2380'] };
    const tried = trial({ text: `${content}${joins}`, members: [voter, stranger, own] });
    expect((await tried.play(writeEtcdConfig(params))).first).toMatchObject({
      because: expect.stringContaining('others'),
    });
    expect(written(tried)).toContain('node1=https://10.0.0.1:2380,7=https://10.0.0.7:2380,node3=https://10.0.0.3:2380');
  });

  test('of the founder names itself, and asks nobody', async () => {
    const tried = hostTrial({ commands: [[/od -An/, '']] });
    await tried.play(writeEtcdConfig({ ...params, endpoints: [] }));
    expect(String(tried.host.files.get(target)?.content)).toBe(
      `${content}${start('node3=https://10.0.0.3:2380', 'new')}`,
    );
  });
});

describe('etcd.yaml of a member', () => {
  const old = start('node1=https://10.0.0.1:2380,node2=https://10.0.0.2:2380,node3=https://10.0.0.3:2380');

  test('stays as it is when other members come and go', async () => {
    const tried = trial({ text: `${content}${old}`, hasData: true });
    expect((await tried.play(writeEtcdConfig(params))).first.state).toBe('satisfied');
  });

  test('keeps with whom it began when a setting changes', async () => {
    const tried = trial({ text: `${content}${old}`.replace('info', 'debug'), hasData: true });
    expect((await tried.play(writeEtcdConfig(params))).first).toMatchObject({ because: 'content differs' });
    expect(written(tried)).toBe(`${content}${old}`);
  });

  test('is not moved away from its data', async () => {
    const tried = trial({ text: `${content}${old}`, hasData: true });
    const moved = { ...params, dataDir: '/data/etcd', content: content.replace('/var/lib/etcd', '/data/etcd') };
    await expect(tried.precheck(writeEtcdConfig(moved))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      message: expect.stringContaining('etcd has its data in /var/lib/etcd, not in /data/etcd'),
    });
  });
});
