import { type ShellCommand, sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';

/** `program`: the shim's path on the host, `/usr/local/bin/containerd-shim-runc-v2`. `runDir`: where its mounts are. */
export interface ClearShims {
  readonly program: string;
  readonly runDir: string;
}

/**
 * A shell function that prints process ids. Only those of this host itself: a host that is a machine for others (virtual
 * ones that share its kernel) sees their shims too, and they are theirs.
 */
const ownShims = ({ program }: ClearShims): ShellCommand => sh`shims() {
  own=$(readlink /proc/self/ns/pid)
  for e in /proc/[0-9]*/exe; do
    pid=\${e#/proc/}; pid=\${pid%/exe}
    [ "$(readlink "$e" 2> /dev/null | sed 's/ (deleted)$//')" = ${program} ] || continue
    [ "$(readlink "/proc/$pid/ns/pid" 2> /dev/null)" = "$own" ] && echo "$pid"
  done
}`;

/** Ends shims, and with them the containers, that outlived their runtime, and unmounts what they had mounted. */
export const clearShims = defineStep<ClearShims>({
  kind: 'cri.clear-shims',
  title: () => 'End containers that outlived the runtime',
  async precheck({ host, signal }, p) {
    const { stdout } = await host.run(
      sh`${ownShims(p)}
for shim in $(shims); do echo shim; done
awk -v p=${`${p.runDir}/`} 'index($5, p) == 1 { print "mount" }' /proc/self/mountinfo`,
      { signal },
    );
    const words = stdout.split('\n').filter(Boolean);
    const count = (word: string) => words.filter((each) => each === word).length;
    if (words.length === 0) return satisfied('there are none');
    return needed(`${count('shim')} shims and ${count('mount')} mounts are left`);
  },
  async run({ host, signal }, p) {
    const command = sh`${ownShims(p)}
for shim in $(shims); do
  for child in $(cat /proc/$shim/task/*/children 2> /dev/null); do kill -KILL "$child" 2> /dev/null; done
  kill -KILL "$shim" 2> /dev/null
done
awk -v p=${`${p.runDir}/`} 'index($5, p) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount "$m" || umount -l "$m"; done
true`;
    await host.run(command, { signal, long: true });
  },
});
