/** The starter file of `config init`: it validates as it is; only addresses and names are to be edited. */
export function clusterTemplate(): string {
  return template;
}

const template = `# A cluster for kubexm. Check it with: kubexm config validate
# All fields: docs/config.md; with every default filled in: kubexm config show
apiVersion: kubexms.io/v1alpha1
kind: Cluster
metadata:
  name: demo
spec:
  hosts:
    - { name: m1, address: 192.168.1.11 }
    - { name: w1, address: 192.168.1.21 }
    - { name: w2, address: 192.168.1.22 }

  roleGroups:
    etcd: [m1] # three or five members survive the loss of one or two
    control-plane: [m1]
    worker: ["w[1:2]"] # w1 and w2

  # What every host takes that does not say otherwise.
  global:
    user: root
    port: 22
    privateKeyPath: ~/.ssh/id_ed25519
    # password: { env: SSH_PASSWORD } # instead of the key; also { file: PATH }, { exec: [COMMAND] }, { prompt: true }
    # sudoPassword: { prompt: true } # for a user other than root
    # bastion: { address: 203.0.113.5, user: jump }

  # Empty address: a haproxy on every worker finds the control planes that serve. See docs/high-availability.md.
  controlPlaneEndpoint:
    domain: lb.kubexm.local
    address: ""
    port: 6443

  kubernetes:
    version: v1.34.4
    containerRuntime:
      type: containerd

  etcd:
    type: kubexm
    # backup: { schedule: daily, keep: 7 }

  network:
    plugin: flannel
    kubePodsCIDR: 10.233.64.0/18
    kubeServiceCIDR: 10.233.0.0/18

  # registry:
  #   mirrors: { docker.io: [https://mirror.example] }
  # download:
  #   mirrors: { https://dl.k8s.io: https://files.example/dl.k8s.io }
  # system:
  #   ntpServers: [ntp.example]
  # addons:
  #   - { name: ingress, manifests: [manifests/ingress.yaml] }
`;
