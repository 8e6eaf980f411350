import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Step } from '../plan/index.js';
import type { FakeCall, FakeHost, FakeHostOptions } from '../runner/index.js';
import { Secret } from '../secrets/index.js';
import type { StepContext } from './context.js';
import { hostTrial } from './host-step.fixture.js';
import {
  configureHostsFile,
  enableService,
  extractArchive,
  installPackage,
  makeDirectory,
  modprobe,
  pullImages,
  renderTemplate,
  restartService,
  setHostname,
  setTimezone,
  sysctl,
  uploadFile,
  writeFile,
} from './index.js';
import { runKubeadm } from './kube/kubeadm-unit.js';

const sha256 = createHash('sha256').update('program').digest('hex');
const images = new Set<string>();
const setting: FakeHostOptions & { readonly templates: Record<string, string> } = {
  templates: { 'etcd/etcd.service': '[Service]\n' },
  localFiles: { '/srv/program': 'program' },
  services: { containerd: { active: 'inactive' } },
  files: {
    '/etc/hosts': '127.0.0.1 localhost\n',
    '/etc/hostname': 'localhost\n',
    '/proc/sys/kernel/hostname': 'localhost\n',
    '/usr/share/zoneinfo/Europe/Berlin': 'zone',
    '/usr/local/bin/old': { content: 'an older program', mode: 0o755 },
  },
  commands: [
    [/^for module in /, ''],
    [/^for file in /, '1'],
    [/^grep -sH /, { exitCode: 1 }],
    [/^\(umask 022; mkdir/, (_call: FakeCall, host: FakeHost) => putDirectory(host)],
    [/hostname$/, (_call: FakeCall, host: FakeHost) => put(host, '/proc/sys/kernel/hostname', 'm1\n')],
    [
      /tar -xf/,
      (_call: FakeCall, host: FakeHost) => {
        put(host, '/usr/local/bin/etcd', 'etcd');
        return '/usr/local/bin/etcd\n';
      },
    ],
    [
      /^ln -sfn .*localtime/,
      (_call: FakeCall, host: FakeHost) => {
        host.files.put('/etc/localtime', { linkTarget: '/usr/share/zoneinfo/Europe/Berlin' });
        return '';
      },
    ],
    [
      /^manager=/,
      (_call: FakeCall, host: FakeHost) => (host.packages.has('socat') ? 'apt\nii \tsocat\t1.0\n' : 'apt\n'),
    ],
    [/crictl .* images/, () => JSON.stringify({ images: [...images].map((tag) => ({ repoTags: [tag] })) })],
    [
      /crictl .* pull/,
      () => {
        images.add('registry.k8s.io/pause:3.10');
        return '';
      },
    ],
    [/^systemctl show --property=InvocationID/, 'InvocationID=1\n'],
  ],
};

function put(host: FakeHost, path: string, content: string): string {
  host.files.put(path, content);
  return '';
}

function putDirectory(host: FakeHost): string {
  host.files.put('/var/lib/etcd', { type: 'directory', mode: 0o700 });
  return '';
}

const steps: readonly (readonly [string, Step<StepContext>])[] = [
  ['writeFile', writeFile({ content: 'x', target: '/etc/etcd/etcd.yaml' })],
  ['uploadFile', uploadFile({ source: '/srv/program', target: '/usr/local/bin/old', sha256, mode: 0o755 })],
  [
    'renderTemplate',
    renderTemplate({ template: 'etcd/etcd.service', data: {}, target: '/etc/systemd/system/etcd.service' }),
  ],
  ['makeDirectory', makeDirectory({ path: '/var/lib/etcd', mode: 0o700 })],
  ['extractArchive', extractArchive({ archive: '/var/lib/kubexm/artifacts/etcd.tgz', sha256, into: '/usr/local/bin' })],
  ['modprobe', modprobe({ modules: ['overlay'] })],
  ['sysctl', sysctl({ values: { 'net.ipv4.ip_forward': 1 } })],
  ['setHostname', setHostname({ hostname: 'm1' })],
  ['configureHostsFile', configureHostsFile({ entries: [{ address: '10.0.0.1', names: ['m1'] }] })],
  ['setTimezone', setTimezone({ timezone: 'Europe/Berlin' })],
  ['installPackage', installPackage({ packages: ['socat'] })],
  [
    'pullImages',
    pullImages({ endpoint: 'unix:///run/containerd/containerd.sock', images: ['registry.k8s.io/pause:3.10'] }),
  ],
  ['enableService', enableService({ service: 'containerd' })],
  ['restartService', restartService({ service: 'containerd', inputs: ['/etc/hosts'] })],
];

const changing = /^(run|writeFile|upload) /;
const contents = ({ files }: FakeHost) => new Map([...files].map(([path, { content }]) => [path, content]));

test.each(steps)(
  '%s on a disk that is full says where, leaves nothing torn, and goes on when there is room',
  async (_, step) => {
    images.clear();
    const healthy = hostTrial(setting);
    const first = await healthy.precheck(step);
    if (first.state === 'satisfied') throw new Error('nothing to do: the test is none');
    const looked = healthy.host.operations.length;
    await step.run(healthy.ctx, first.before);
    const writes = healthy.host.operations.slice(looked).filter((operation) => changing.test(operation)).length;
    expect(writes).toBeGreaterThan(0);

    for (let nth = 1; nth <= writes; nth += 1) {
      images.clear();
      const trial = hostTrial(setting);
      const before = contents(trial.host);
      const look = await trial.precheck(step);
      trial.host.faults.push({ on: changing, nth, fault: 'disk-full' });
      const running = step.run(trial.ctx, look.state === 'needed' ? look.before : undefined);
      await expect(running).rejects.toMatchObject({
        code: 'HOST_DISK_FULL',
        message: expect.stringMatching(/no space left on node-1\b.*\/\w/),
        hint: expect.stringContaining('make room on node-1'),
      });
      const whole = [before, contents(healthy.host)];
      for (const [path, content] of contents(trial.host)) {
        expect([path, whole.some((state) => state.get(path) === content)]).toEqual([path, true]);
      }
      trial.host.faults = [];
      await trial.play(step);
      expect([nth, (await trial.precheck(step)).state]).toEqual([nth, 'satisfied']);
    }
  },
);

test('kubeadm, whose words are in its log, too', async () => {
  const trial = hostTrial({
    commands: [
      [/systemd-run/, { exitCode: 1 }],
      [/^tail -n 25 /, 'error execution phase: open /etc/kubernetes/manifests/etcd.yaml: no space left on device\n'],
    ],
  });
  const running = runKubeadm(trial.ctx, { args: ['init'], configuration: new Secret('token: x'), log: 'init.log' });
  await expect(running).rejects.toMatchObject({
    code: 'HOST_DISK_FULL',
    message: expect.stringMatching(/^no space left on node-1: .*\/etc\/kubernetes\/manifests/),
  });
});
