import { certsGroup } from './certs/commands.js';
import { clusterGroup } from './cluster/commands.js';
import { type CommandSpec, commonOptions, type GroupSpec } from './command-spec.js';
import { configGroup } from './config/commands.js';
import { etcdGroup } from './etcd/commands.js';
import { labGroup } from './lab/commands.js';
import { nodeGroup } from './node/commands.js';
import { secretsGroup } from './secrets/commands.js';

/** Everything that kubexm can be told, in the order of its help. */
export const groups: readonly GroupSpec[] = [
  clusterGroup,
  nodeGroup,
  etcdGroup,
  certsGroup,
  secretsGroup,
  configGroup,
  labGroup,
];

export const rootCommands: readonly CommandSpec[] = [
  {
    name: 'version',
    summary: 'Version of kubexm and of what it runs on',
    options: commonOptions(),
    examples: ['kubexm version -o json'],
    load: () => import('./version.js'),
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell',
    description: 'Load it once, or in the startup file of the shell.',
    arguments: [{ name: '<shell>', description: 'the shell', choices: ['bash', 'zsh', 'fish'] }],
    options: commonOptions(),
    examples: [
      'source <(kubexm completion bash)',
      'kubexm completion zsh > "${fpath[1]}/_kubexm"',
      'kubexm completion fish | source',
    ],
    load: () => import('./completion.js'),
  },
];
