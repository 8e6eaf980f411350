import { sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';
import { refuseSystemPath } from './path.js';

export interface WipeDirectory {
  readonly path: string;
}

/**
 * Unmounts everything below a directory and deletes it for good. A directory that is a mount itself stays, empty. What cannot
 * be unmounted is not deleted: its files would be somebody's data.
 */
export const wipeDirectory = defineStep<WipeDirectory>({
  kind: 'file.wipe',
  title: (p) => `Delete ${p.path} and everything in it`,
  policy: { timeoutMs: 900_000 },
  async precheck({ host, signal }, p) {
    refuseSystemPath(p.path);
    const { stdout } = await host.run(
      sh`[ ! -e ${p.path} ] || { mountpoint -q ${p.path} && [ -z "$(ls -A ${p.path})" ]; } || echo there`,
      { signal },
    );
    return stdout.trim() === '' ? satisfied('is gone, or empty') : needed('is there');
  },
  async run({ host, signal }, p) {
    const command = sh`p=$(readlink -f ${p.path})
awk -v p="$p/" 'index($5, p) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount "$m" || umount -l "$m" || exit 1; done || exit 1
if awk -v p="$p/" 'index($5, p) == 1 { exit 1 }' /proc/self/mountinfo; then :; else echo "something is still mounted below $p" >&2; exit 1; fi
find "$p" -xdev -mindepth 1 -delete && { mountpoint -q "$p" || rmdir "$p"; }`;
    await host.run(command, { signal, long: true });
  },
});
