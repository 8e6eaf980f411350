import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { labClusterConfig, shapeLabHost } from '../../../lab/index.js';
import { differences, hostStates } from '../harness/host-state.js';
import type { ProcessResult } from '../harness/process.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

/** The parts of a cluster file that the cases spoil. */
interface ClusterFile {
  readonly spec: {
    readonly hosts: {
      name: string;
      address: string;
      hostKey?: string;
      user?: string;
      password?: string | { readonly file: string };
    }[];
    readonly roleGroups: Record<string, string[]>;
    readonly global: { connectionTimeout: string };
    readonly controlPlaneEndpoint: { port: number | string };
    readonly download: { readonly mirrors: Record<string, string>; checksums?: Record<string, string> };
    [key: string]: unknown;
  };
}

interface BadInput {
  readonly name: string;
  spoil?(file: ClusterFile): void;
  /** Makes something of the hosts as it must not be; what it returns puts it right again. */
  prepare?(): Promise<() => Promise<unknown>>;
  readonly exitCode: 1 | 2;
  /** All of them are said. */
  readonly says: readonly RegExp[];
  readonly saysNot?: readonly RegExp[];
  readonly withinMs?: number;
}

const wrongPassword = 'not-the-password-of-ops';
const connectionTimeoutMs = 3000;

export const create8 = scenario({
  id: 'create-8',
  title: 'bad input gives an error that names cause and host, exit code 1 or 2, and touches no host',
  core: true,
  hosts: 3,
  async run(t) {
    const mirror = await htmlServer(t);
    const inputs = [...badFiles(), ...badHosts(t), ...badDownloads(mirror)];
    await t.onHost(
      t.hostNames[1] ?? '',
      'useradd -m nosudo && mkdir ~nosudo/.ssh && cp ~root/.ssh/authorized_keys ~nosudo/.ssh && chown -R nosudo: ~nosudo/.ssh',
    );
    const before = await hostStates(t);
    let slowest = 0;
    for (const input of inputs) {
      const restore = await input.prepare?.();
      try {
        const result = await create(t, input);
        slowest = Math.max(slowest, result.ms);
        assertRefused(input, result);
      } finally {
        await restore?.();
      }
      assert.deepEqual(differences(before, await hostStates(t)), [], `${input.name} changed something on a host`);
    }
    t.measure('bad inputs, each refused with its cause', String(inputs.length));
    t.measure('slowest answer', `${(slowest / 1000).toFixed(1)} s`);
  },
});

async function create(t: ScenarioTools, input: BadInput): Promise<ProcessResult> {
  const cwd = join(t.dir, input.name.replaceAll(/\W+/g, '-'));
  await mkdir(cwd);
  const file = parse(await labClusterConfig({ use: t.hostNames })) as ClusterFile;
  file.spec.global.connectionTimeout = `${connectionTimeoutMs / 1000}s`;
  input.spoil?.(file);
  await writeFile(join(cwd, 'cluster.yaml'), stringify(file));
  return t.kubexm(['cluster', 'create', '--yes'], { cwd, timeoutMs: 60_000 });
}

function assertRefused({ name, exitCode, says, saysNot = [], withinMs }: BadInput, result: ProcessResult): void {
  const said = result.stdout + result.stderr;
  assert.equal(result.exitCode, exitCode, `exit code of ${name}\n${said}`);
  for (const expected of says) assert.match(said, expected, `${name}: ${String(expected)} in:\n${said}`);
  for (const unexpected of [...saysNot, new RegExp(wrongPassword), /\bINTERNAL\b|\bundefined\b/])
    assert.doesNotMatch(said, unexpected, `${name}: ${String(unexpected)} in:\n${said}`);
  // Nobody looks at a terminal here.
  assert.ok(!said.includes('\u001B'), `${name} printed terminal sequences`);
  if (withinMs !== undefined) assert.ok(result.ms < withinMs, `${name} took ${result.ms.toFixed(0)} ms`);
}

function badFiles(): BadInput[] {
  const config = { exitCode: 2, withinMs: 3000 } as const;
  return [
    {
      ...config,
      name: 'unknown key',
      spoil: ({ spec }) => void (spec['kubernets'] = {}),
      says: [/cluster\.yaml:\d+:\d+: error: unknown key "kubernets"/, /did you mean "kubernetes"/, /\^{9}/],
    },
    {
      ...config,
      name: 'wrong type',
      spoil: ({ spec }) => void (spec.controlPlaneEndpoint.port = 'many'),
      says: [/cluster\.yaml:\d+:\d+: error: must be a number, not a text \(spec\.controlPlaneEndpoint\.port\)/],
    },
    {
      ...config,
      name: 'role with an unknown host, and a duplicate address',
      spoil: ({ spec }) => {
        spec.roleGroups['worker'] = ['node2', 'nobody'];
        const [, second, other] = spec.hosts;
        if (second && other) other.address = second.address;
      },
      says: [
        /cluster\.yaml:\d+:\d+: error: no host is named nobody/,
        /error: "node2" has the same address.*spec\.hosts\[2\]/,
        /2 errors/,
      ],
    },
  ];
}

function badHosts(t: ScenarioTools): BadInput[] {
  const [first = '', second = '', third = ''] = t.hostNames;
  const hostNamed = ({ spec }: ClusterFile, name: string) => {
    const host = spec.hosts.find((each) => each.name === name);
    assert.ok(host, name);
    return host;
  };
  const occupy = (host: string, port: number) => async () => {
    await t.onHost(host, `systemd-run --quiet --unit=occupier socat TCP-LISTEN:${port},fork /dev/null`);
    await t.eventually(`port ${port} is taken`, async () => (await t.onHost(host, 'ss -ltnH')).includes(`:${port} `));
    return () => t.onHost(host, 'systemctl stop occupier');
  };
  return [
    {
      name: 'host that drops packets, with a taken port on another',
      async prepare() {
        const release = await occupy(second, 10_250)();
        await shapeLabHost(third, { drop: true });
        return async () => {
          await shapeLabHost(third, undefined);
          await release();
          await t.eventually(`${third} answers`, () => answers(address(t, third)));
        };
      },
      exitCode: 1,
      says: [
        new RegExp(`${third} \\([\\d.]+:22\\) cannot be reached: no answer within 3 s`),
        new RegExp(`${second}: 1 check failed`),
        /port 10250 \(kubelet\) is taken by socat/,
        /nothing was changed/,
      ],
      saysNot: [/drops packets/],
      withinMs: connectionTimeoutMs + 2500,
    },
    {
      name: 'wrong password',
      spoil: (file) => Object.assign(hostNamed(file, second), { user: 'ops', password: wrongPassword }),
      exitCode: 1,
      says: [new RegExp(`ops.*${second}|${second}.*ops`), /password/, /SSH_AUTH/],
    },
    {
      name: 'changed host key',
      spoil: (file) => {
        hostNamed(file, third).hostKey = hostNamed(file, second).hostKey ?? '';
      },
      exitCode: 1,
      says: [new RegExp(third), /but hostKey in the config is/, /SSH_HOST_KEY/],
    },
    {
      name: 'no right to use sudo',
      spoil: (file) => Object.assign(hostNamed(file, second), { user: 'nosudo' }),
      exitCode: 1,
      says: [new RegExp(`cannot become root on ${second}`), /SUDO_FAILED/],
    },
    {
      name: 'disk full',
      async prepare() {
        await t.onHost(second, 'mkdir -p /var/lib/kubelet && mount -t tmpfs -o size=1m none /var/lib/kubelet');
        await t.onHost(third, 'mkdir -p /opt/cni/bin && mount -t tmpfs -o size=1m none /opt/cni/bin');
        return async () => {
          await t.onHost(second, 'umount /var/lib/kubelet');
          await t.onHost(third, 'umount /opt/cni/bin && rmdir /opt/cni/bin /opt/cni');
        };
      },
      exitCode: 1,
      says: [
        new RegExp(`${second}: 1 check failed`),
        /MiB free for \/var\/lib\/kubelet, \d+ are needed; make room/,
        new RegExp(`${third}: 1 check failed`),
        /MiB free for \/opt\/cni\/bin/,
      ],
    },
    {
      name: 'port 6443 taken',
      prepare: occupy(first, 6443),
      exitCode: 1,
      says: [new RegExp(`${first}: 1 check failed`), /port 6443 \(kube-apiserver\) is taken by socat/],
    },
    {
      name: 'half-removed earlier cluster',
      async prepare() {
        await t.onHost(first, 'mkdir -p /var/lib/etcd/member/wal && touch /var/lib/etcd/member/wal/0.wal');
        await t.onHost(second, 'mkdir -p /etc/kubernetes/pki && echo of-another-cluster >/etc/kubernetes/pki/ca.crt');
        await t.onHost(third, 'mkdir -p /etc/kubernetes && echo of-another-cluster >/etc/kubernetes/kubelet.conf');
        return async () => {
          await t.onHost(first, 'rm -rf /var/lib/etcd/member');
          for (const host of [second, third]) await t.onHost(host, 'rm -rf /etc/kubernetes');
        };
      },
      exitCode: 1,
      says: [
        new RegExp(`${first}: 1 check failed`),
        /\/var\/lib\/etcd\/member holds data of an etcd that is not this cluster's/,
        new RegExp(`${second}: 1 check failed`),
        /\/etc\/kubernetes\/pki\/ca\.crt is the CA of another cluster, or of one that was half removed/,
        new RegExp(`${third}: 1 check failed`),
        /\/etc\/kubernetes\/kubelet\.conf without .*: a cluster was half removed here/,
      ],
    },
  ];
}

function badDownloads(mirror: string): BadInput[] {
  return [
    {
      name: 'wrong checksum',
      spoil: ({ spec }) => {
        const version = (spec['kubernetes'] as { version: string }).version;
        spec.download.checksums = {
          [`https://dl.k8s.io/release/${version}/bin/linux/amd64/kubeadm`]: '0'.repeat(64),
        };
      },
      exitCode: 1,
      says: [/kubeadm has the wrong sha256/, /expected 0{64} \(spec\.download\.checksums\)/, /got +[0-9a-f]{64}/],
    },
    {
      name: 'mirror that answers 404 with a page',
      spoil: ({ spec }) => void (spec.download.mirrors['https://dl.k8s.io'] = mirror),
      exitCode: 1,
      says: [/kubelet\S* answered 404 with an HTML page/, /spec\.download\.mirrors/],
    },
  ];
}

function address(t: ScenarioTools, name: string): string {
  return t.hosts.find((host) => host.name === name)?.address ?? '';
}

/** Whether its sshd takes a connection within a second. */
function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 22, timeout: 1000 });
    const end = (answered: boolean) => () => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}

async function htmlServer(t: ScenarioTools): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(404, { 'content-type': 'text/html' });
    response.end('<!DOCTYPE html><html><head><title>Not here</title></head><body>Not here</body></html>');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.cleanup(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
