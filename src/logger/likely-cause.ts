import type { ErrorReport } from '../engine/events.js';

/** What usually lies behind an error, and what to type next. `%h` stands for the host. */
export interface LikelyCause {
  readonly cause: string;
  readonly next: string;
}

const known: readonly (LikelyCause & { readonly pattern: RegExp })[] = [
  { pattern: /no space left on device|ENOSPC/i, cause: 'a file system on the host is full', next: 'ssh %h df -h' },
  { pattern: /disk quota exceeded/i, cause: 'the user has used up its disk quota', next: 'ssh %h quota -s' },
  {
    pattern: /read-only file system|EROFS/i,
    cause: 'the file system is mounted read-only, often after a disk error',
    next: 'ssh %h dmesg | tail',
  },
  {
    pattern: /certificate has expired or is not yet valid|not yet valid/i,
    cause: "the host's clock is wrong, or a certificate has run out",
    next: 'ssh %h timedatectl',
  },
  {
    pattern: /x509: certificate signed by unknown authority/i,
    cause: 'certificates of an earlier cluster are left on the host',
    next: 'ssh %h ls -l /etc/kubernetes/pki /etc/etcd',
  },
  {
    pattern: /address already in use|port \d+ is in use/i,
    cause: 'another process has the port',
    next: 'ssh %h ss -ltnp',
  },
  {
    pattern: /could not get lock|dpkg frontend lock|is another process using it/i,
    cause: 'another package manager is at work (often unattended-upgrades)',
    next: 'ssh %h ps -C apt,apt-get,dpkg,unattended-upgr',
  },
  {
    pattern: /toomanyrequests|429 too many requests/i,
    cause: 'the registry limits the number of pulls',
    next: 'set spec.registry.mirrors or spec.registry.auths in the config',
  },
  {
    pattern: /manifest unknown|not found: manifest|failed to resolve reference/i,
    cause: 'the image is not in that registry under this name',
    next: 'check spec.registry.mirrors and the version in the config',
  },
  {
    pattern: /pull access denied|401 unauthorized|authentication required/i,
    cause: 'the registry wants a login',
    next: 'set spec.registry.auths in the config',
  },
  {
    pattern: /no such host|could not resolve host|temporary failure in name resolution|EAI_AGAIN|ENOTFOUND/i,
    cause: 'a name cannot be resolved',
    next: 'ssh %h cat /etc/resolv.conf',
  },
  {
    pattern: /no route to host|EHOSTUNREACH|network is unreachable/i,
    cause: 'there is no route, or a firewall rejects',
    next: 'ssh %h ip route',
  },
  {
    pattern: /:6443.*(connection refused|ECONNREFUSED)|(connection refused|ECONNREFUSED).*:6443/i,
    cause: 'the API server is not running',
    next: 'ssh %h crictl ps -a --name kube-apiserver',
  },
  {
    pattern: /:(2379|2380).*(connection refused|ECONNREFUSED)/i,
    cause: 'etcd is not running',
    next: 'ssh %h journalctl -u etcd -n 50',
  },
  { pattern: /containerd\.sock/i, cause: 'containerd is not running', next: 'ssh %h journalctl -u containerd -n 50' },
  {
    pattern: /kubelet.*(not running|unhealthy|healthz)|healthz.*10248/i,
    cause: 'the kubelet does not start',
    next: 'ssh %h journalctl -u kubelet -n 50',
  },
  {
    pattern: /cgroup/i,
    cause: "the container runtime and the kubelet disagree about cgroups, or the host's cgroups are unusual",
    next: 'ssh %h journalctl -u kubelet -n 50',
  },
  {
    pattern: /out of memory|cannot allocate memory|oom-kill/i,
    cause: 'the host has too little memory',
    next: 'ssh %h free -m',
  },
  { pattern: /permission denied|operation not permitted/i, cause: 'the login may not do that', next: 'ssh %h sudo -l' },
  {
    pattern: /command not found|: not found$/i,
    cause: 'a program that is needed is missing on the host',
    next: 'ssh %h cat /etc/os-release',
  },
  {
    pattern: /timed? ?out|deadline exceeded|ETIMEDOUT/i,
    cause: 'something did not answer in time: a firewall that drops packets, or an overloaded host',
    next: 'ssh %h uptime',
  },
];

/** Undefined where no pattern of known troubles matches. A hint that the error brings itself is better than ours. */
export function likelyCause(error: ErrorReport, host: string): LikelyCause | undefined {
  // A warning in a program's output is not why it failed.
  const lines = [error.message, ...error.details].flatMap((text) => text.split('\n'));
  const text = lines.filter((line) => !/\bwarn(ing)?\b/i.test(line)).join('\n');
  const match = known.find(({ pattern }) => pattern.test(text));
  return match === undefined ? undefined : { cause: match.cause, next: match.next.replaceAll('%h', host) };
}
