import type { OptionSpec } from '../command-spec.js';

/** How long a node's pods may take, and which may end for good. */
export const drainFlags: readonly OptionSpec[] = [
  { flags: '--timeout <seconds>', description: 'how long the pods of each node may take to go', fallback: '600' },
  { flags: '--grace-period <seconds>', description: 'how long each pod has for its end (default: as the pod says)' },
  { flags: '--force', description: 'also end pods that no controller makes anew elsewhere' },
];
