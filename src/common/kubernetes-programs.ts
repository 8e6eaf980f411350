/** Where an upgrade of Kubernetes keeps things on the nodes. POSIX paths. */
export const kubernetesPrograms = {
  /** Every version's programs lie below it, before they are put to use. */
  staging: '/var/lib/kubexm/kubernetes',
  /** The programs of a version, with v. */
  staged: (version: string) => `/var/lib/kubexm/kubernetes/${version}`,
  /** The kubelet that the last upgrade replaced. */
  previousKubelet: '/var/lib/kubexm/kubelet.previous',
  /** There while the kubelet is being upgraded: JSON, from and to which version, and its files as they were. */
  mark: '/var/lib/kubexm/kubelet-upgrade.json',
} as const;
