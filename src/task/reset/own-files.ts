import { certsRenewal } from '../../common/certs-renewal.js';
import { etcdBackupTimer } from '../../common/etcd-snapshot.js';
import { hostMarks } from '../../common/host-marks.js';
import { hostPaths } from '../../common/host-paths.js';
import type { RemoveOwnFiles } from '../../step/index.js';

const { bin, kubernetes, units: unitsDirectory } = hostPaths;
const kubelet = 'kubelet.service';

/** Units that a reset stops, and that systemd is to forget. */
export const units = {
  kubelet,
  /** Runs kubeadm, and outlives a kubexm that is killed. */
  kubeadm: 'kubexm-kubeadm.service',
  all: [
    kubelet,
    'kubexm-kubeadm.service',
    'etcd.service',
    'containerd.service',
    'cri-dockerd.service',
    'cri-dockerd.socket',
    etcdBackupTimer.service,
    certsRenewal.service,
  ],
} as const;

/** What a node has beside its container runtime. `logs`: of pods and of kubexm. */
export const nodeFiles = {
  directories: [
    `${kubernetes}/manifests`,
    hostPaths.endpoint.haproxyPod,
    hostPaths.kubernetesPki,
    hostPaths.encryption.directory,
    hostPaths.audit,
    `${kubernetes}/tmp`,
    '/var/lib/kubelet',
    '/var/lib/cni',
    '/run/flannel',
    // Of root's kubectl; a cache alone, whatever the cluster.
    '/root/.kube/cache',
  ],
  logs: ['/var/log/pods', '/var/log/containers', hostPaths.log, '/var/log/kubernetes/audit'],
  named: {
    what: 'kubelet, kubeadm, kubectl and kubeconfigs',
    files: [
      ...['admin', 'super-admin', 'kubelet', 'bootstrap-kubelet', 'controller-manager', 'scheduler'].map(
        (name) => `${kubernetes}/${name}.conf`,
      ),
      ...['kubelet', 'kubeadm', 'kubectl', 'crictl'].map((name) => `${bin}/${name}`),
      `${unitsDirectory}/${kubelet}`,
      `${unitsDirectory}/${kubelet}.d/10-kubeadm.conf`,
      hostPaths.crictlConfig,
      '/run/kubexm/discovery.conf',
      '/run/kubexm/kubeadm.yaml',
    ],
    emptyDirectories: [
      `${unitsDirectory}/${kubelet}.d`,
      kubernetes,
      // Made by the controller manager's static pod and by containerd.
      '/usr/libexec/kubernetes/kubelet-plugins/volume/exec',
      '/usr/libexec/kubernetes/kubelet-plugins/volume',
      '/usr/libexec/kubernetes/kubelet-plugins',
      '/usr/libexec/kubernetes',
      '/opt/containerd/bin',
      '/opt/containerd/lib',
      '/opt/containerd',
      '/root/.kube',
    ],
  } satisfies RemoveOwnFiles,
} as const;

/** Of flannel, and the directories that it shares with other plugins. */
export const networkFiles: RemoveOwnFiles = {
  what: "the network plugin's configuration",
  files: [`${hostPaths.cniConfig}/10-flannel.conflist`],
  emptyDirectories: [hostPaths.cniConfig, '/etc/cni', '/opt/cni'],
};

const standardPlugins =
  'bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan portmap ptp sbr static tap tuning vlan vrf';

/** Those of https://github.com/containernetworking/plugins, and flannel's. */
export const pluginNames: readonly string[] = [...standardPlugins.split(' '), 'LICENSE', 'README.md', 'flannel'];

/** What apiservers need to reach etcd, and the directories of members that have become empty. */
export function etcdFiles(dataDirs: readonly string[]): RemoveOwnFiles {
  const { pki } = hostPaths.etcd;
  return {
    what: 'certificates and directories of etcd',
    files: ['ca', 'apiserver-etcd-client', 'apiserver-etcd-client-key'].map((name) => `${pki}/${name}.pem`),
    emptyDirectories: [pki, '/etc/etcd', ...dataDirs],
  };
}

/** What kubexm remembers of a node, on a host that stays something else. */
export const nodeState: RemoveOwnFiles = {
  what: 'what kubexm remembers of the node',
  files: [
    'kubeadm-init.done',
    'kubeadm-join.begun',
    'kubeadm-join.done',
    'kubelet.json',
    'kubelet.change.json',
    'static-pods.json',
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name) => `${name}.change.json`),
  ].map((name) => `${hostMarks.state}/${name}`),
  emptyDirectories: [],
};
