import { isOlder, minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';

/** Kubelets may be so many minors older than the apiservers, and never newer. https://kubernetes.io/releases/version-skew-policy/ */
export const kubeletLag = 3;

/**
 * A release of each minor, to stop at on the way where nobody names one: the last of those that get no more, else one that was
 * there when this was written. https://kubernetes.io/releases/patch-releases/
 */
const knownReleases: Readonly<Record<number, string>> = {
  29: 'v1.29.15',
  30: 'v1.30.14',
  31: 'v1.31.14',
  32: 'v1.32.13',
  33: 'v1.33.13',
  34: 'v1.34.4',
  35: 'v1.35.4',
  36: 'v1.36.3',
};

/** What runs, with v: one version an apiserver, one a kubelet. */
export interface RunningVersions {
  readonly controlPlanes: readonly string[];
  readonly kubelets: readonly string[];
}

/**
 * The versions that the cluster takes on, one complete after the other, the last one being `to`: no minor of the control
 * plane is skipped. What an interrupted upgrade has begun is finished first. `via`: releases to stop at, one a minor.
 * Throws GUARD_REFUSED for a way back and for a cluster out of skew, USAGE where a stop is not known.
 */
export function upgradePath({
  running,
  to,
  via = [],
}: {
  readonly running: RunningVersions;
  readonly to: string;
  readonly via?: readonly string[];
}): readonly string[] {
  checkSkew(running);
  const newest = extreme([...running.controlPlanes, ...running.kubelets], 'newest');
  if (isOlder(to, newest)) {
    throw new KubexmError('GUARD_REFUSED', `the cluster runs ${newest}; ${to} would be a downgrade`, {
      hint: `kubexm cluster upgrade --to ${newest}, or a newer one; the way back from an upgrade is a snapshot of etcd (kubexm etcd restore)`,
      retryable: false,
    });
  }
  const begun = extreme(running.controlPlanes, 'newest');
  const whole = [...running.controlPlanes, ...running.kubelets].every((version) => version === begun);
  const stops: string[] = [];
  // A control plane or kubelets half-way to an older minor get there before the next one begins.
  if (!whole && minorOf(begun) < minorOf(to)) stops.push(begun);
  for (let minor = minorOf(begun) + 1; minor < minorOf(to); minor += 1) stops.push(stopAt(minor, via, to));
  return [...stops, to];
}

/** Throws GUARD_REFUSED where what runs is not what Kubernetes supports beside each other. */
export function checkSkew({ controlPlanes, kubelets }: RunningVersions): void {
  const oldest = extreme(controlPlanes, 'oldest');
  const newest = extreme(controlPlanes, 'newest');
  if (minorOf(newest) - minorOf(oldest) > 1) {
    throw refused(
      `the apiservers run ${oldest} and ${newest}: they may be one minor apart`,
      `bring the older ones to ${newest} by hand first`,
    );
  }
  const tooNew = kubelets.find((version) => minorOf(version) > minorOf(oldest) && isOlder(newest, version));
  if (tooNew !== undefined) {
    throw refused(
      `a kubelet runs ${tooNew}, the apiservers ${newest}: no kubelet may be newer`,
      `put the older kubelet back on that node (kubexm node list says which)`,
    );
  }
  const tooOld = kubelets.find((version) => minorOf(newest) - minorOf(version) > kubeletLag);
  if (tooOld !== undefined) {
    throw refused(
      `a kubelet runs ${tooOld}, an apiserver ${newest}: at most ${kubeletLag} minors may lie between them`,
      'upgrade that kubelet by hand, or remove the node, then run the same command again',
    );
  }
}

function stopAt(minor: number, via: readonly string[], to: string): string {
  const stop = via.find((version) => minorOf(version) === minor) ?? knownReleases[minor];
  if (stop !== undefined) return stop;
  throw new KubexmError('USAGE', `the way to ${to} leads over 1.${minor}, and no release of it is named`, {
    hint: `kubexm cluster upgrade --to ${to} --via v1.${minor}.N, with the newest release of 1.${minor}`,
    retryable: false,
  });
}

function extreme(versions: readonly string[], which: 'oldest' | 'newest'): string {
  const [first, ...others] = versions;
  if (first === undefined) throw new KubexmError('INTERNAL', 'no version is known of what runs');
  return others.reduce(
    (best, version) => ((which === 'oldest' ? isOlder(version, best) : isOlder(best, version)) ? version : best),
    first,
  );
}

function refused(message: string, hint: string): KubexmError {
  return new KubexmError('GUARD_REFUSED', message, { hint, retryable: false });
}
