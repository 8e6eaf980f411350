/** Where an upgrade of etcd keeps things on the members' hosts. POSIX paths. */
export const etcdPrograms = {
  names: ['etcdctl', 'etcdutl', 'etcd'],
  /** The programs of a version, before they are put to use. */
  staged: (version: string) => `/var/lib/kubexm/etcd/${version}`,
  /** Those that the last upgrade replaced. */
  previous: '/var/lib/kubexm/etcd/previous',
  /** There while the member is being upgraded: JSON, from and to which version. */
  mark: '/var/lib/kubexm/etcd/upgrade.json',
} as const;
