import { minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import { maxUnavailable, type PausePoint } from '../../pipeline/index.js';
import { type UpgradeOptions, upgradeDefaults } from './upgrade-options.js';

/** What a user chooses of an upgrade. */
export interface UpgradeChoice {
  /** With v. */
  readonly to: string;
  readonly via: readonly string[];
  readonly canary?: string | undefined;
  readonly pauseAfter?: PausePoint | undefined;
  /** `2` or `20%`. */
  readonly maxUnavailable: string;
  readonly certificateRenewal: boolean;
  readonly drainSeconds: number;
  readonly acceptRemovedApis: boolean;
}

/** `running`: the version where the user names none, with v. Throws USAGE, before anything is asked of a host. */
export function upgradeChoice(options: UpgradeOptions, running: string): UpgradeChoice {
  const { canary, pauseAfter, drainTimeout, maxUnavailable: count } = options;
  const to = options.to === undefined ? running : kubernetesVersion('--to', options.to);
  const drainSeconds = Number(drainTimeout);
  if (!Number.isInteger(drainSeconds) || drainSeconds < 1) {
    throw new KubexmError('USAGE', `--drain-timeout ${drainTimeout} is no number of seconds`, {
      hint: '--drain-timeout 600',
    });
  }
  if (pauseAfter === 'canary' && canary === undefined) {
    throw new KubexmError('USAGE', '--pause-after canary needs a worker that goes first', { hint: '--canary NODE' });
  }
  maxUnavailable(count, 1);
  const { certificateRenewal, acceptRemovedApis } = options;
  return {
    to,
    via: stopsOf(options.via, to),
    canary,
    pauseAfter,
    maxUnavailable: count,
    certificateRenewal: certificateRenewal === 'true',
    drainSeconds,
    acceptRemovedApis: acceptRemovedApis === true,
  };
}

/** Stops that the cluster has behind it are of the same command, run again; what can never be one is an error of usage. */
function stopsOf(text: string | undefined, to: string): readonly string[] {
  const via = text === undefined ? [] : text.split(',').map((version) => kubernetesVersion('--via', version));
  const wrong =
    via.find((version) => minorOf(version) >= minorOf(to)) ??
    via.find((version, index) => via.slice(0, index).some((other) => minorOf(other) === minorOf(version)));
  if (wrong === undefined) return via;
  throw new KubexmError('USAGE', `--via ${wrong} is no stop on the way to ${to}`, {
    hint: 'one release a minor, of minors before that of --to',
  });
}

/** As it is typed, with everything that was chosen: others read it when they find the cluster locked, and it is the next step after a dry run. */
export function commandLine(choice: UpgradeChoice): string {
  const { to, via, maxUnavailable: count, canary, pauseAfter, certificateRenewal, drainSeconds } = choice;
  return [
    `cluster upgrade --to ${to}`,
    ...(via.length === 0 ? [] : [`--via ${via.join(',')}`]),
    ...(count === upgradeDefaults.maxUnavailable ? [] : [`--max-unavailable ${count}`]),
    ...(canary === undefined ? [] : [`--canary ${canary}`]),
    ...(pauseAfter === undefined ? [] : [`--pause-after ${pauseAfter}`]),
    ...(certificateRenewal ? [] : ['--certificate-renewal false']),
    ...(String(drainSeconds) === upgradeDefaults.drainTimeout ? [] : [`--drain-timeout ${drainSeconds}`]),
    ...(choice.acceptRemovedApis ? ['--accept-removed-apis'] : []),
  ].join(' ');
}

/** `v1.34.4` of `1.34.4`. Throws USAGE. */
function kubernetesVersion(option: string, text: string): string {
  const [, numbers] = /^v?(1\.\d+\.\d+)$/.exec(text.trim()) ?? [];
  if (numbers !== undefined) return `v${numbers}`;
  throw new KubexmError('USAGE', `${option} ${text} is no version of Kubernetes`, {
    hint: 'kubexm cluster upgrade --to v1.35.4',
  });
}
