import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { guardEtcdServers } from './etcd-servers.js';

const founding = ['https://10.0.0.4:2379', 'https://10.0.0.5:2379'];
const manifest = (servers: string) => ({
  '/etc/kubernetes/manifests/kube-apiserver.yaml': `    - --etcd-certfile=/x\n    - --etcd-servers=${servers}\n    - --v=2\n`,
});

test.each([
  ['there is no apiserver', {}],
  ['one of its members is asked for', manifest('https://10.0.0.1:2379,https://10.0.0.4:2379')],
])('passes where %s', async (_, files) => {
  expect((await hostTrial({ files }).precheck(guardEtcdServers({ founding }))).state).toBe('satisfied');
});

test('stops where the apiserver has its data elsewhere, and names both', async () => {
  const { precheck } = hostTrial({ files: manifest('https://10.0.0.1:2379,https://10.0.0.2:2379') });
  await expect(precheck(guardEtcdServers({ founding }))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    details: [expect.stringContaining('10.0.0.2'), expect.stringContaining('10.0.0.5')],
  });
});
