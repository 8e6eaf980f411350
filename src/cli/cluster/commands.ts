import { commonOptions, eventsOption, type GroupSpec, operationOptions, templatesOption } from '../command-spec.js';

/** `kubexm cluster …` */
export const clusterGroup: GroupSpec = {
  name: 'cluster',
  summary: 'Make, change and look at a cluster',
  commands: [
    {
      name: 'create',
      summary: 'Make the cluster of the config, or finish one that was begun',
      description:
        'Every step looks first and changes only what is not as wanted: running it again is safe.\nCtrl-C lets running steps finish; a second one aborts them.',
      options: [
        ...operationOptions(),
        { flags: '--prune', description: 'also remove nodes that the config does not have; asks' },
      ],
      examples: [
        'kubexm cluster create -f cluster.yaml',
        'kubexm cluster create --dry-run',
        'kubexm cluster create --events - -o json',
      ],
      load: () => import('./create.js'),
    },
    {
      name: 'plan',
      summary: 'Show what create would do, where and why; changes nothing',
      options: [
        ...commonOptions(['text', 'json', 'dot', 'mermaid']),
        { flags: '--all', description: 'also show what is as wanted already' },
        { flags: '--offline', description: 'ask no host: structure only' },
        { flags: '--save <file>', description: 'also write the plan as JSON', completes: 'files' },
        eventsOption,
        templatesOption,
      ],
      examples: ['kubexm cluster plan', 'kubexm cluster plan --offline -o mermaid > plan.mmd'],
      load: () => import('./plan.js'),
    },
    {
      name: 'apply',
      summary: 'Run a saved plan, or bring an existing cluster to what the config says',
      arguments: [{ name: '[plan]', description: 'a file of `kubexm cluster plan --save`; absent: plan anew' }],
      options: operationOptions(),
      examples: ['kubexm cluster apply plan.json', 'kubexm cluster apply -f cluster.yaml --dry-run'],
      load: () => import('./apply.js'),
    },
    {
      name: 'delete',
      summary: 'Take the cluster off its hosts: they are as they were before',
      description:
        'Pods, Kubernetes, etcd and the container runtime go, and what kubexm changed in the operating system is put back.\nThe data of etcd are renamed; images and logs stay. Only hosts of this cluster are touched: they carry its CA.\nWorks on clusters that were made by half, and any number of times.',
      options: [
        // Pods, data and packages that are gone cannot be put back.
        ...operationOptions().filter(({ flags }) => flags !== '--rollback'),
        { flags: '--wipe-data', description: "also delete etcd's data, images and logs: they cannot be had back" },
        { flags: '--purge-packages', description: 'also remove the packages of spec.system that kubexm installed' },
        {
          flags: '--skip-unreachable',
          description: 'go on without hosts that do not answer (exit code 3); default: change nothing',
        },
      ],
      examples: ['kubexm cluster delete', 'kubexm cluster delete --wipe-data --yes', 'kubexm cluster delete --dry-run'],
      load: () => import('./delete.js'),
    },
    {
      name: 'status',
      summary: 'Nodes, pods, etcd members and certificates of the running cluster',
      options: commonOptions(),
      examples: ['kubexm cluster status', 'kubexm cluster status -o json'],
      load: () => import('./status.js'),
    },
    {
      name: 'kubeconfig',
      summary: "Print the administrator's kubeconfig",
      options: [...commonOptions(), { flags: '--path', description: 'print only where it is' }],
      examples: ['export KUBECONFIG=$(kubexm cluster kubeconfig --path)', 'kubexm cluster kubeconfig > ~/.kube/config'],
      load: () => import('./kubeconfig.js'),
    },
    {
      name: 'list',
      summary: 'Clusters whose work directories are in ./.kubexm',
      options: commonOptions(),
      examples: ['kubexm cluster list -o json'],
      load: () => import('./list.js'),
    },
  ],
};
