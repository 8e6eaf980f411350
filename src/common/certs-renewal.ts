/** The timer that renews certificates on control planes and members of etcd, and what it leaves there. POSIX paths. */
export const certsRenewal = {
  timer: 'kubexm-certs-renew.timer',
  service: 'kubexm-certs-renew.service',
  script: '/usr/local/sbin/kubexm-certs-renew',
  /** What follows lies in it. */
  directory: '/var/lib/kubexm/certs-renew',
  /** How the last run ended: one line of JSON, written by templates/certs/renew.sh. */
  last: '/var/lib/kubexm/certs-renew/last.json',
  /** On members that are no nodes: it signs. */
  kubeadm: '/var/lib/kubexm/certs-renew/kubeadm',
} as const;
