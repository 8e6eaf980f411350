import { commonOptions, type GroupSpec, operationOptions } from '../command-spec.js';
import { drainFlags } from './drain-flags.js';

/** `kubexm node …` */
export const nodeGroup: GroupSpec = {
  name: 'node',
  summary: 'Look after the nodes of a cluster',
  commands: [
    {
      name: 'list',
      summary: 'Nodes and hosts of the config: state, versions, age, conditions, and what differs from the config',
      description: 'Works with hosts and control planes down: what could not be asked is unknown, never absent.',
      options: commonOptions(),
      examples: ['kubexm node list', 'kubexm node list -o json'],
      load: () => import('./list.js'),
    },
    {
      name: 'add',
      summary: 'Hosts of the config become nodes; of the others, only a control plane is asked',
      description:
        'The config must have the host already. What cluster create does for it, and nothing for others: it takes as long in a\ncluster of three as of a thousand. A control plane is one more address of the API, which all others learn.',
      arguments: [{ name: '<host...>', description: 'hosts with the role worker or control-plane' }],
      options: operationOptions(),
      examples: ['kubexm node add worker4', 'kubexm node add worker4 worker5 --dry-run'],
      load: () => import('./add.js'),
    },
    {
      name: 'delete',
      summary: 'Nodes leave the cluster, alive or dead: drained, removed, their hosts cleaned',
      description:
        'Budgets of pods hold: what may not go in time is named, and the node is left as it was. Refused: the last control plane,\nand a member of etcd that the quorum needs. The first control plane goes like any other.\nAfterwards, take the host out of the config.',
      arguments: [{ name: '<node...>', description: "nodes; of etcd's members one at a time" }],
      options: [
        ...operationOptions(),
        ...drainFlags,
        { flags: '--wipe-data', description: "also delete images, logs and etcd's data on the hosts" },
      ],
      examples: ['kubexm node delete worker3', 'kubexm node delete master1 --timeout 120 --wipe-data'],
      load: () => import('./delete.js'),
    },
    {
      name: 'drain',
      summary: 'Pods move away from nodes as their budgets allow, and no new ones come',
      description:
        'Through the eviction API, one node after the other. A pod that may not go is named with its budget; when the time is\nover, the node is left as it was found. Pods of DaemonSets and of the control plane stay.',
      arguments: [{ name: '<node...>', description: 'nodes of the cluster' }],
      options: [
        ...operationOptions(),
        ...drainFlags,
        { flags: '--pod-selector <selector>', description: 'only pods with these labels: app=web' },
        { flags: '--delete-emptydir-data', description: 'also end pods whose data in an emptyDir are lost with them' },
      ],
      examples: ['kubexm node drain worker1', 'kubexm node drain worker1 worker2 --timeout 120 --delete-emptydir-data'],
      load: () => import('./drain.js'),
    },
    {
      name: 'cordon',
      summary: 'No new pods come to nodes',
      arguments: [{ name: '<node...>', description: 'nodes of the cluster' }],
      options: operationOptions(),
      examples: ['kubexm node cordon worker1'],
      load: () => import('./cordon.js'),
    },
    {
      name: 'uncordon',
      summary: 'Nodes take new pods again',
      arguments: [{ name: '<node...>', description: 'nodes of the cluster' }],
      options: operationOptions(),
      examples: ['kubexm node uncordon worker1'],
      load: () => import('./uncordon.js'),
    },
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
