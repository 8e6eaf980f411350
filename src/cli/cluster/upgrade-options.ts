import type { PausePoint } from '../../pipeline/index.js';
import type { OptionSpec } from '../command-spec.js';

/** What a user chooses of an upgrade, as it is typed. `cluster plan --to` takes the same: its plan is what runs. */
export interface UpgradeOptions {
  readonly to?: string;
  /** `v1.34.4,v1.35.2` */
  readonly via?: string;
  readonly maxUnavailable: string;
  readonly canary?: string;
  readonly pauseAfter?: PausePoint;
  readonly certificateRenewal: 'true' | 'false';
  /** Seconds. */
  readonly drainTimeout: string;
  readonly acceptRemovedApis?: boolean;
}

/** What is done where nothing is chosen. */
export const upgradeDefaults = { maxUnavailable: '1', certificateRenewal: 'true', drainTimeout: '600' } as const;

/** Of `cluster upgrade` and, beside `--to`, of `cluster plan --to`. */
export const upgradeOptions: readonly OptionSpec[] = [
  { flags: '--via <versions>', description: 'releases to stop at on the way, one a minor: v1.34.4,v1.35.2' },
  {
    flags: '--max-unavailable <count>',
    description: 'workers that are away at once: a number, or a share such as 20%',
    fallback: upgradeDefaults.maxUnavailable,
  },
  { flags: '--canary <node>', description: 'the worker that goes first, alone' },
  {
    flags: '--pause-after <point>',
    description: 'stop there; the same command goes on',
    choices: ['control-plane', 'canary'],
  },
  {
    flags: '--certificate-renewal <choice>',
    description: "whether kubeadm renews the control plane's certificates",
    choices: ['true', 'false'],
    fallback: upgradeDefaults.certificateRenewal,
  },
  {
    flags: '--drain-timeout <seconds>',
    description: 'how long the pods of one node may take to go',
    fallback: upgradeDefaults.drainTimeout,
  },
  {
    flags: '--accept-removed-apis',
    description: 'go on although APIs are in use that the new version does not serve',
  },
];
