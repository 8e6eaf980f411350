/** Where things lie on the hosts. POSIX paths. */
export const hostPaths = {
  bin: '/usr/local/bin',
  sbin: '/usr/local/sbin',
  cniBin: '/opt/cni/bin',
  cniConfig: '/etc/cni/net.d',
  units: '/etc/systemd/system',
  /** Archives as they were uploaded; kept, so that the next run can compare them. */
  artifacts: '/var/lib/kubexm/artifacts',
  log: '/var/log/kubexm',
  etcd: { config: '/etc/etcd/etcd.yaml', pki: '/etc/etcd/pki' },
  containerd: {
    config: '/etc/containerd/config.toml',
    certs: '/etc/containerd/certs.d',
    socket: 'unix:///run/containerd/containerd.sock',
  },
  docker: { config: '/etc/docker/daemon.json', certs: '/etc/docker/certs.d', socket: 'unix:///run/docker.sock' },
  criDockerdSocket: 'unix:///run/cri-dockerd.sock',
  /** Logins at registries, which the kubelet hands to the container runtime with each pull. */
  kubeletLogins: '/var/lib/kubelet/config.json',
  crictlConfig: '/etc/crictl.yaml',
  kubernetes: '/etc/kubernetes',
  kubernetesPki: '/etc/kubernetes/pki',
  /** A control plane that has the file holds objects encrypted in etcd, and the keys for them. */
  encryption: { directory: '/etc/kubernetes/encryption', config: '/etc/kubernetes/encryption/config.yaml' },
  audit: '/etc/kubernetes/audit',
  /** A host that has it is a node. */
  kubeletKubeconfig: '/etc/kubernetes/kubelet.conf',
  adminKubeconfig: '/etc/kubernetes/admin.conf',
  /** Of what leads to the API servers. */
  endpoint: {
    haproxyManifest: '/etc/kubernetes/manifests/haproxy.yaml',
    /** Mounted into haproxy's pod. */
    haproxyPod: '/etc/kubernetes/haproxy',
    kubeVipManifest: '/etc/kubernetes/manifests/kube-vip.yaml',
    haproxyUnit: '/etc/systemd/system/kubexm-haproxy.service',
    keepalivedUnit: '/etc/systemd/system/kubexm-keepalived.service',
  },
} as const;

/** Configuration of the services that keep a virtual address, and of the haproxy beside them. */
export const endpointConfig = {
  keepalived: '/etc/kubexm/endpoint/keepalived.conf',
  auth: '/etc/kubexm/endpoint/keepalived-auth.conf',
  check: '/etc/kubexm/endpoint/check.sh',
  haproxy: '/etc/kubexm/endpoint/haproxy.cfg',
  /** The inner one first. */
  directories: ['/etc/kubexm/endpoint', '/etc/kubexm'],
} as const;

/** TCP ports of the components. */
export const ports = {
  etcdClient: 2379,
  etcdPeer: 2380,
  apiserver: 6443,
  kubelet: 10250,
  controllerManager: 10257,
  scheduler: 10259,
  /** Of a haproxy in front of API servers, on 127.0.0.1: whether it works, and whether it knows one that serves. */
  haproxyHealth: 18404,
} as const;
