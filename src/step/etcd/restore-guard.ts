import { etcdRestorePaths, type RestoreMarker } from '../../common/etcd-restore.js';
import { KubexmError } from '../../errors/index.js';
import { defineStep, satisfied } from '../define.js';

/**
 * Stops everything but the restore itself on a cluster whose etcd is half restored. The host is asked anew in the run: what
 * was known when it was planned may be older than a restore that was killed since.
 */
export const guardHalfRestored = defineStep<Record<string, never>>({
  kind: 'etcd.restore-guard',
  title: () => 'Check that no restore of etcd is half done',
  recheck: false,
  async precheck({ host, signal }) {
    const text = await host.readFile(etcdRestorePaths.marker, { signal });
    if (text === undefined) return satisfied('none is');
    throw new KubexmError('GUARD_REFUSED', `a restore of etcd is half done on ${host.name}`, {
      details: [text.trim()],
      hint: `end it first, with the same snapshot: kubexm etcd restore ${fileOf(text) ?? 'FILE'}`,
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});

/** The file as the user named it; undefined where the marker does not tell. */
function fileOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as Partial<RestoreMarker>).file;
  } catch {
    return undefined;
  }
}
