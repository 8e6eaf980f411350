import { type GroupSpec, operationOptions } from '../command-spec.js';

/** `kubexm node …` */
export const nodeGroup: GroupSpec = {
  name: 'node',
  summary: 'Look after the nodes of a cluster',
  commands: [
    {
      name: 'migrate-runtime',
      summary: 'One node from containerd to docker, or back: drained, changed, verified, uncordoned',
      description:
        'The config must give the host the new runtime already. Budgets of pods hold: what may not go in time is named.\nStopped anywhere, the same command goes on from there.',
      arguments: [{ name: '<node>', description: 'a node of the cluster' }],
      options: [
        ...operationOptions(),
        {
          flags: '--to <runtime>',
          description: 'what it shall run',
          choices: ['containerd', 'docker'],
          mandatory: true,
        },
        { flags: '--drain-timeout <seconds>', description: 'how long its pods may take to go', fallback: '600' },
      ],
      examples: [
        'kubexm node migrate-runtime worker1 --to docker',
        'kubexm node migrate-runtime worker1 --to containerd --dry-run',
      ],
      load: () => import('./migrate-runtime.js'),
    },
    {
      name: 'prune-images',
      summary: 'Remove images that no container uses',
      description:
        'Those that the cluster itself needs stay, the pause image among them. Lists them with their sizes and asks.',
      arguments: [{ name: '[node...]', description: 'default: all nodes that answer' }],
      options: operationOptions(),
      examples: ['kubexm node prune-images --dry-run', 'kubexm node prune-images worker1 worker2 --yes'],
      load: () => import('./prune-images.js'),
    },
  ],
};
