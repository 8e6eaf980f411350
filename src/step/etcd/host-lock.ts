import { type ShellCommand, script } from '../../runner/index.js';

/** A run that was killed may have left so much to do on a host, in s: a snapshot that is unpacked. */
const waitSeconds = 300;

/**
 * Begins a script for /bin/sh that changes etcd's files. The lock of the cluster falls when kubexm is killed; what it had begun
 * on a host goes on, with its children, and whoever comes next waits for its end here.
 */
export const etcdHostLock: ShellCommand = script(`mkdir -p /run/kubexm
command -v flock >/dev/null || { echo 'flock is not installed' >&2; exit 1; }
exec 9>>/run/kubexm/etcd.lock
if ! flock -w ${waitSeconds} 9; then
  pid=$(cat /run/kubexm/etcd.lock)
  echo "another part of kubexm has been at work on etcd here for ${waitSeconds} s: pid $pid, $(tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" >&2
  echo "wait until it has ended (fuser -v /run/kubexm/etcd.lock shows all of it), then run the same command again" >&2
  exit 1
fi
echo $$ >/run/kubexm/etcd.lock`);
