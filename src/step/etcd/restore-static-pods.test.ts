import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { parkStaticPods, unparkStaticPods } from './restore-static-pods.js';

const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const parked = '/var/lib/kubexm/etcd-restore/manifests/kube-apiserver.yaml';
const park = parkStaticPods({ components: ['kube-apiserver'] });
const unpark = unparkStaticPods({ components: ['kube-apiserver'], server: 'https://10.0.0.1:6443' });

/** A kubelet that ends and starts the apiserver some looks after its manifest went or came. */
function host({ files, looks = 2, readyz = 0 }: { files: readonly string[]; looks?: number; readyz?: number }) {
  let runs = files.includes(manifest);
  let left = looks;
  const trial = hostTrial({
    files: Object.fromEntries(files.map((path) => [path, { content: 'kind: Pod' }])),
    commands: [
      [
        /\/proc\/\[0-9\]/,
        (_, { files: now }) => {
          const wanted = now.get(manifest) !== undefined;
          if (runs !== wanted && left-- <= 0) runs = wanted;
          return runs ? 'kube-apiserver\n' : '';
        },
      ],
      [/cp -p .*manifests.*rm -f \/etc/, (_, { files: now }) => move(now, manifest, parked)],
      [/cp -p .*rm -f \/var/, (_, { files: now }) => move(now, parked, manifest)],
      [/get --raw=\/readyz/, { exitCode: readyz, stderr: 'etcd failed' }],
    ],
  });
  return trial;
}

function move(files: ReturnType<typeof hostTrial>['host']['files'], from: string, to: string): string {
  files.put(to, { content: files.get(from)?.content ?? '' });
  files.removeTree(from);
  return '';
}

test('an apiserver is away when its process is, not when its manifest is', async () => {
  const trial = host({ files: [manifest] });
  const { first, again } = await trial.play(park);
  expect(first).toMatchObject({ because: 'kube-apiserver has a manifest' });
  expect(again).toEqual({ state: 'satisfied', because: 'none has a manifest, none runs' });
  expect(trial.host.files.get(parked)?.content).toBe('kind: Pod');
});

test('where the manifest was moved and the process still runs, it is waited for', async () => {
  const trial = host({ files: [parked] });
  trial.host.script(/\/proc\/\[0-9\]/, 'kube-apiserver\n');
  expect(await trial.precheck(park)).toMatchObject({ state: 'needed', because: 'kube-apiserver still runs' });
});

test('it is back when its own readyz says so', async () => {
  const trial = host({ files: [parked] });
  const { first, again } = await trial.play(unpark);
  expect(first).toMatchObject({ because: 'the manifest of kube-apiserver is put aside' });
  expect(again).toEqual({ state: 'satisfied', because: 'all of them run' });
  expect(trial.host.files.get(parked)).toBeUndefined();
});

test('one that runs and is not ready is not back', async () => {
  const trial = host({ files: [manifest], readyz: 1 });
  expect(await trial.precheck(unpark)).toMatchObject({ because: 'its apiserver is not ready: etcd failed' });
});

test('a host without a control plane has nothing to stop or to bring back', async () => {
  const trial = host({ files: [] });
  expect((await trial.precheck(park)).state).toBe('satisfied');
  expect((await trial.precheck(unpark)).state).toBe('satisfied');
});
