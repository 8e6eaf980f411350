import { corednsImage } from '../../src/apis/kubexms/v1alpha1/index.js';
import {
  type FakeAnswer,
  type FakeCall,
  type FakeFileInit,
  type FakeHost,
  fakeHost,
  type HostFacts,
} from '../../src/runner/index.js';
import type { PlanContext } from '../../src/task/index.js';

type Answers = readonly (readonly [RegExp, FakeAnswer])[];

/** Machines in memory on which kubeadm, etcd, containerd and kubectl do what the plans count on, and no more. */
export interface FakeCluster {
  readonly hosts: ReadonlyMap<string, FakeHost>;
  /** Nodes that have registered. */
  readonly nodes: Set<string>;
  /** Hosts on which kubeadm does nothing but fail. */
  readonly broken: Set<string>;
  /** kubeadm's calls in their order, as `w1: join`. */
  readonly kubeadm: string[];
}

interface Member {
  readonly id: number;
  readonly name: string;
  readonly peerUrl: string;
  learner: boolean;
}

export function fakeCluster({ cluster, facts }: PlanContext, localFiles: Readonly<Record<string, FakeFileInit>>) {
  const members: Member[] = [];
  const applied = new Set<string>();
  const patched = new Map<string, { labels: object; annotations: object; taints: unknown }>();
  const fake: FakeCluster = { hosts: new Map(), nodes: new Set(), broken: new Set(), kubeadm: [] };
  const token = { known: false };
  const configMaps = new Map<string, Record<string, string>>();
  const proxyNotes: Record<string, string> = {};

  const peerUrlOf = (name: string) => {
    const address = cluster.spec.hosts.find((each) => each.name === name)?.internalAddress ?? '';
    return `https://${address}:2380`;
  };
  const etcd: Answers = [
    [
      /^mv -f \S+ \S+ && mv -f /,
      ({ text }, host) => {
        for (const [, from = '', to = ''] of text.matchAll(/mv -f (\S+) (\S+)/g)) {
          const file = host.files.get(from);
          if (file) host.files.set(to, file);
          host.files.delete(from);
        }
        return '';
      },
    ],
    [/etcdctl .*alarm list/, '{}'],
    [
      /etcdctl .*endpoint health/,
      ({ text }) => JSON.stringify(urlsOf(text).map((endpoint) => ({ endpoint, health: true }))),
    ],
    [
      /etcdctl .*member list/,
      () =>
        JSON.stringify({
          members: members.map(({ id, name, peerUrl, learner }) => ({
            ID: id,
            // etcd knows its name from its first start on.
            name: fake.hosts.get(name)?.services.get('etcd.service')?.active === 'active' ? name : '',
            peerURLs: [peerUrl],
            clientURLs: [],
            isLearner: learner,
          })),
        }),
    ],
    [
      /etcdctl .*member add/,
      ({ text }) => {
        const [, name = '', peerUrl = ''] = /member add (\S+) --peer-urls=(\S+) --learner/.exec(text) ?? [];
        members.push({ id: members.length + 1, name, peerUrl, learner: true });
        return '{}';
      },
    ],
    // A member that was started has its log, whose first records say which one it is.
    [
      /od -An -v -tx1$/,
      (_call, host) => {
        const own = members.find(({ peerUrl }) => peerUrl === peerUrlOf(host.name));
        const id = String(own?.id ?? 0).padStart(2, '0');
        const started = host.services.get('etcd.service')?.active === 'active';
        return started ? ` 0a 00 00 00 00 00 00 86 08 01 10 07 1a 04 08 ${id} 10 09 00 00 00 00 00 00\n` : '';
      },
    ],
    [
      /etcdctl .*member promote/,
      ({ text }) => {
        const id = Number.parseInt(/member promote (\w+)/.exec(text)?.[1] ?? '', 16);
        for (const member of members) if (member.id === id) member.learner = false;
        return '';
      },
    ],
  ];

  const kubectl: Answers = [
    [/kubectl .* get nodes -o name$/, () => [...fake.nodes].map((name) => `node/${name}\n`).join('')],
    [/kubectl .* get configmap\/kubeadm-config/, () => (fake.nodes.size > 0 ? '' : { exitCode: 1 })],
    [
      /kubectl .* get secret bootstrap-token-/,
      () =>
        token.known
          ? Buffer.from(new Date(Date.now() + 86_400_000).toISOString()).toString('base64')
          : { exitCode: 1, stderr: 'not found' },
    ],
    [
      /kubectl .* get configmap (kubeadm-config|kube-proxy)/,
      ({ text }) => {
        const items = [...configMaps].filter(([name]) => text.split(' ').includes(name));
        return JSON.stringify({ items: items.map(([name, annotations]) => ({ metadata: { name, annotations } })) });
      },
    ],
    [
      /kubectl .* annotate --overwrite configmap\//,
      ({ text }) => {
        const [, name = ''] = /configmap\/(\S+)/.exec(text) ?? [];
        const notes = [...text.matchAll(/(kubexm\.io\/\w+)=(\w+)/g)].map(([, key = '', value = '']) => [key, value]);
        configMaps.set(name, Object.fromEntries(notes) as Record<string, string>);
        return '';
      },
    ],
    [
      /kubectl .* get daemonset\/kube-proxy --ignore-not-found/,
      () =>
        configMaps.has('kube-proxy') ? JSON.stringify({ metadata: { generation: 1, annotations: proxyNotes } }) : '',
    ],
    [
      /kubectl .* annotate --overwrite daemonset\/kube-proxy (kubexm\.io\/\w+)=(\w+)$/,
      ({ text }) => {
        const [, key = '', value = ''] = / (kubexm\.io\/\w+)=(\w+)$/.exec(text) ?? [];
        proxyNotes[key] = value;
        return '';
      },
    ],
    [/kubectl .* get deployment\/coredns/, () => (applied.has('coredns') ? corednsImage(cluster) : '')],
    [/kubectl .* get nodes( -A)? -o json$/, () => JSON.stringify({ items: nodeObjects() })],
    [/kubectl .* get nodes,pods -A -o json$/, () => JSON.stringify({ items: [...nodeObjects(), ...podObjects()] })],
    [/kubectl .* diff /, ({ stdin }) => (applied.has(stdin) ? '' : { exitCode: 1 })],
    [
      /kubectl .* apply /,
      ({ stdin }, host) => {
        applied.add(stdin);
        if (stdin.includes('bootstrap.kubernetes.io/token')) token.known = true;
        if (stdin.includes('kube-flannel')) host.files.put('/run/flannel/subnet.env', 'FLANNEL_MTU=1450\n');
        return '';
      },
    ],
    [/kubectl .* get pods -A --field-selector=\S+ -o json$/, () => JSON.stringify({ items: podObjects() })],
    [
      /kubectl .* get pods -l component=kube-apiserver /,
      () => {
        const { roleGroups, kubernetes } = cluster.spec;
        const serving = roleGroups['control-plane'].filter((name) => fake.nodes.has(name));
        return serving.map((name) => `${name} registry.k8s.io/kube-apiserver:${kubernetes.version}\n`).join('');
      },
    ],
    [
      /kubectl .* get node (\S+) -o json$/,
      ({ text }) => {
        const name = / get node (\S+) /.exec(text)?.[1];
        return JSON.stringify(nodeObjects().find(({ metadata }) => metadata.name === name));
      },
    ],
    [
      /kubectl .* patch node /,
      ({ text, stdin }) => {
        const name = /patch node (\S+)/.exec(text)?.[1] ?? '';
        const { metadata, spec } = JSON.parse(stdin) as {
          metadata: { labels: object; annotations: object };
          spec?: { taints: unknown };
        };
        const before = patched.get(name);
        patched.set(name, {
          labels: { ...before?.labels, ...metadata.labels },
          annotations: { ...before?.annotations, ...metadata.annotations },
          taints: spec?.taints ?? before?.taints ?? [],
        });
        return '';
      },
    ],
  ];

  function nodeObjects() {
    return [...fake.nodes].map((name) => ({
      kind: 'Node',
      metadata: {
        name,
        labels: patched.get(name)?.labels ?? {},
        annotations: patched.get(name)?.annotations ?? {},
      },
      spec: { taints: patched.get(name)?.taints ?? [] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    }));
  }

  const podObjects = () => [
    {
      kind: 'Pod',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      spec: { nodeName: [...fake.nodes][0] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    },
  ];

  function kubeadm({ text }: FakeCall, host: FakeHost): string {
    const [, verb = '', rest = ''] = /\/kubeadm (init|join)( phase addon coredns)?/.exec(text) ?? [];
    fake.kubeadm.push(`${host.name}: ${verb}${rest}`);
    if (rest !== '') {
      applied.add('coredns');
      return '';
    }
    if (fake.broken.has(host.name)) throw new Error(`${host.name}: kubeadm ${verb} was killed before it did anything`);
    fake.nodes.add(host.name);
    // A join brings the CA that it found in the cluster.
    const ca = '/etc/kubernetes/pki/ca.crt';
    const known = [...fake.hosts.values()].map((each) => each.files.get(ca)).find((file) => file !== undefined);
    if (known && !host.files.has(ca)) host.files.put(ca, known.content);
    if (verb === 'init')
      for (const name of ['kubeadm-config', 'kubelet-config', 'kube-proxy']) configMaps.set(name, {});
    const controlPlane = cluster.spec.roleGroups['control-plane'].includes(host.name);
    // Without the CA's key it signs nothing: it takes what is there, or goes no further.
    const isKeyless = cluster.spec.certs.ca !== undefined && cluster.spec.certs.ca.keyFile === undefined;
    const credentials = [
      'kubelet',
      ...(controlPlane ? ['admin', 'super-admin', 'controller-manager', 'scheduler'] : []),
    ];
    const missing = credentials.filter((name) => !host.files.has(`/etc/kubernetes/${name}.conf`));
    if (isKeyless && missing.length > 0) throw new Error(`${host.name}: kubeadm ${verb} lacks ${missing.join(', ')}`);
    const marker = /kubeadm-(init|join)\.done/.exec(text)?.[0] ?? '';
    for (const path of [
      `/var/lib/kubexm/${marker}`,
      ...(isKeyless ? [] : ['/etc/kubernetes/kubelet.conf', '/var/lib/kubelet/pki/kubelet-client-current.pem']),
      '/var/lib/kubelet/config.yaml',
      '/var/lib/kubelet/kubeadm-flags.env',
      ...(verb === 'init' && !isKeyless ? ['/etc/kubernetes/admin.conf'] : []),
      ...(controlPlane
        ? ['apiserver', 'controller-manager', 'scheduler'].map((name) => `/etc/kubernetes/manifests/kube-${name}.yaml`)
        : []),
    ])
      host.files.put(path, 'made by kubeadm');
    const running = { load: 'loaded', active: 'active', enabled: true, needsDaemonReload: false, mainPid: 7 } as const;
    host.services.set('kubelet.service', { ...running, activeSince: host.files.tick() });
    return '';
  }

  const hostNames = [...facts.keys()];
  for (const name of hostNames) {
    const images = new Set<string>();
    const machine: Answers = [
      [
        /^for module in /,
        ({ text }, host) =>
          (/^for module in ([^;]*);/.exec(text)?.[1] ?? '')
            .split(' ')
            .filter((module) => !host.modules.has(module))
            .join('\n'),
      ],
      [
        /^for file in \S*\/proc\/sys/,
        ({ text }, host) =>
          [...text.matchAll(/\/proc\/sys\/(\S+?)(?=[\s;])/g)]
            .map(([, key = '']) => host.sysctls.get(key) ?? '0')
            .join('\n'),
      ],
      [
        /^failed=0\n/,
        ({ text }, host) => {
          for (const [, value = '', key = ''] of text.matchAll(/printf '%s\\n' (\S+) \| cat > \/proc\/sys\/(\S+);/g))
            host.sysctls.set(key, value);
          return '';
        },
      ],
      [/^grep -sH .*sysctl/, { exitCode: 1 }],
      [
        /> \/proc\/sys\/kernel\/hostname$/,
        ({ text }, host) => {
          host.files.put('/proc/sys/kernel/hostname', `${/^echo (\S+)/.exec(text)?.[1] ?? ''}\n`);
          return '';
        },
      ],
      [
        /mkdir -p/,
        ({ text }, host) => {
          if (text.includes('systemd-run')) return kubeadm({ text, masked: '', stdin: '', root: true }, host);
          const path = /mkdir -p ([^\s)]+)/.exec(text)?.[1] ?? '';
          const mode = Number.parseInt(/chmod (0?\d{3,4})/.exec(text)?.[1] ?? '755', 8);
          if (text.startsWith('(umask 022')) host.files.put(path, { type: 'directory', mode });
          else if (text.includes('tar -xf')) return extracted(text, host);
          return '';
        },
      ],
      [/tar -xf/, ({ text }, host) => extracted(text, host)],
      [
        /^systemctl show --property=InvocationID/,
        ({ text }, host) => `InvocationID=${host.services.get(text.split(' ').at(-1) ?? '')?.activeSince ?? ''}\n`,
      ],
      [/^systemctl show -p ActiveState --value kubexm-kubeadm/, 'inactive\n'],
      [
        /^ln -sfn /,
        ({ text }, host) => {
          const [, , target = '', staged = ''] = text.split(' ');
          host.files.put(staged.replace(/\.new$/, ''), host.files.get(target)?.content ?? '');
          return '';
        },
      ],
      [/^systemd-analyze calendar /, 'Next elapse: Mon 2030-01-07 00:00:00 UTC\n'],
      [
        /^systemctl daemon-reload$/,
        (_call, host) => {
          for (const path of host.files.below('/etc/systemd/system')) {
            const unit = /\/([^/]+\.(?:service|timer))$/.exec(path)?.[1];
            if (unit !== undefined && !host.services.has(unit))
              host.services.set(unit, {
                load: 'loaded',
                active: 'inactive',
                enabled: false,
                needsDaemonReload: false,
                mainPid: 0,
                activeSince: 0,
              });
          }
          return '';
        },
      ],
      [
        /^bash -c .*\/dev\/tcp\//s,
        ({ text }) =>
          [...text.matchAll(/\/dev\/tcp\/([\d.]+)\/(\d+)/g)].map(([, to, port]) => `${to}:${port} 1\n`).join(''),
      ],
      [/dd if=\/dev\/zero .* oflag=dsync/s, '2300 bytes (2.3 kB) copied, 0.0008 s, 2.9 MB/s\n'.repeat(120)],
      [/^bash -c .*\/dev\/udp\//s, ' 13 37 81 80\n'],
      [
        /kubelet --version/,
        (_call, host) =>
          host.files.get('/etc/kubernetes/kubelet.conf') ? `Kubernetes ${cluster.spec.kubernetes.version}\n` : '',
      ],
      [
        /^mv -f \S+\.kubexm \/etc\/kubernetes\/manifests\/\S+$/,
        ({ text }, host) => {
          const [from = '', to = ''] = text.split(' ').slice(2);
          host.files.put(to, host.files.get(from)?.content.toString() ?? '');
          host.files.delete(from);
          return '';
        },
      ],
      // A static pod runs as soon as its manifest is there.
      [
        /crictl .* pods .*component=haproxy/,
        (_call, host) => JSON.stringify({ items: hasProxy(host) ? [{ id: 'proxy', state: 'SANDBOX_READY' }] : [] }),
      ],
      [
        /crictl .* ps .*\^haproxy\$/,
        JSON.stringify({
          containers: [{ podSandboxId: 'proxy', state: 'CONTAINER_RUNNING', createdAt: '1', metadata: {} }],
        }),
      ],
      [/find \/etc\/kubernetes\/audit -maxdepth 1 -type f$/, ''],
      [/crictl .* pods .*k8s-app=kube-proxy/, JSON.stringify({ items: [] })],
      [/crictl .* info$/, JSON.stringify({ status: { conditions: [{ type: 'RuntimeReady', status: true }] } })],
      [/crictl .* images -o json$/, () => JSON.stringify({ images: [{ repoTags: [...images] }] })],
      [
        /crictl .* pull /,
        ({ text }) => {
          images.add(text.split(' ').at(-1) ?? '');
          return '';
        },
      ],
    ];
    const own = members.length;
    const host = fakeHost({
      name,
      localFiles,
      facts: withoutCommands(facts.get(name)),
      commands: [...machine, ...etcd, ...kubectl],
      files: { '/etc/hostname': 'localhost\n', '/proc/sys/kernel/hostname': 'localhost\n' },
    });
    if (own === 0 && cluster.spec.roleGroups.etcd[0] === name)
      members.push({ id: 1, name, peerUrl: peerUrlOf(name), learner: false });
    (fake.hosts as Map<string, FakeHost>).set(name, host);
  }
  return fake;
}

function hasProxy(host: FakeHost): boolean {
  return host.files.get('/etc/kubernetes/manifests/haproxy.yaml') !== undefined;
}

/** A fake host has whatever commands it is asked for, unless its facts say otherwise. */
function withoutCommands(facts: HostFacts | undefined): Partial<HostFacts> {
  const { commands: _, ...rest } = facts ?? {};
  return rest;
}

function urlsOf(text: string): string[] {
  return (/--endpoints=(\S+)/.exec(text)?.[1] ?? '').split(',');
}

/** One file per archive stands for all that is in it. */
function extracted(text: string, host: FakeHost): string {
  const archive = /\/var\/lib\/kubexm\/artifacts\/([\w.-]+)/.exec(text)?.[1] ?? 'archive';
  const path = `/opt/fake/${archive}.extracted`;
  host.files.put(path, { content: archive, mode: 0o755 });
  return `${path}\n`;
}
