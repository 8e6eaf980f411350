import { KubexmError } from '../../errors/index.js';

/** The oldest 3.5 from which etcd upgrades to 3.6: older ones may bring removed members back. https://etcd.io/blog/2025/upgrade_from_3.5_to_3.6_issue/ */
const leastBefore36 = 'v3.5.26';

/**
 * Whether members that run `versions` may be upgraded to `to`, all with v. Throws GUARD_REFUSED with the step to take instead:
 * no minor is skipped, no member goes back. Different versions are those of an upgrade that was interrupted.
 */
export function checkUpgradePath({
  versions,
  to,
}: {
  readonly versions: readonly string[];
  readonly to: string;
}): void {
  const target = numbersOf(to);
  for (const version of [...new Set(versions)].sort(byVersion)) {
    const running = numbersOf(version);
    if (compare(running, target) > 0) {
      throw refused(
        `etcd runs ${version}; ${to} would be a downgrade`,
        `etcd.version: ${version} in the config, or a newer one`,
      );
    }
    if (running.major !== target.major) {
      throw refused(
        `no upgrade leads from etcd ${version} to ${to}`,
        'kubexm etcd upgrade --to a version of the same major',
      );
    }
    if (target.minor - running.minor > 1) {
      const next = `v${running.major}.${running.minor + 1}`;
      throw refused(
        `etcd ${version} to ${to} would skip ${next}`,
        `first kubexm etcd upgrade --to the newest ${next}.x${next === 'v3.5' ? ` (${leastBefore36} or newer)` : ''}, then to ${to}`,
      );
    }
    const to36 = target.major === 3 && target.minor === 6 && running.minor === 5;
    if (to36 && compare(running, numbersOf(leastBefore36)) < 0) {
      throw refused(
        `etcd ${version} cannot go to ${to}: 3.6 needs ${leastBefore36} or newer before it`,
        `first kubexm etcd upgrade --to ${leastBefore36} (or a newer 3.5), then to ${to}`,
      );
    }
  }
}

function byVersion(a: string, b: string): number {
  return compare(numbersOf(a), numbersOf(b));
}

interface Numbers {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

function numbersOf(version: string): Numbers {
  const [, major, minor, patch] = /^v(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  if (patch === undefined) {
    throw new KubexmError('USAGE', `'${version}' is no version of etcd`, { hint: 'such as v3.6.14', retryable: false });
  }
  return { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

function compare(a: Numbers, b: Numbers): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

function refused(message: string, hint: string): KubexmError {
  return new KubexmError('GUARD_REFUSED', message, { hint, retryable: false });
}
