import { commonOptions, eventsOption, type GroupSpec, operationOptions, templatesOption } from '../command-spec.js';
import { upgradeOptions } from './upgrade-options.js';

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
        {
          flags: '--to <version>',
          description: 'show what `kubexm cluster upgrade --to` would do instead; the following are for it alone',
        },
        ...upgradeOptions,
      ],
      examples: [
        'kubexm cluster plan',
        'kubexm cluster plan --offline -o mermaid > plan.mmd',
        'kubexm cluster plan --to v1.34.4 --max-unavailable 20%',
      ],
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
      name: 'adopt',
      summary: 'Make the work directory of a running cluster anew, from its hosts',
      description:
        'For when the machine that made the cluster is lost, or somebody else made it. CAs and keys come from the control planes and etcd members, and so do the keys of what etcd holds encrypted.\nChanges no host, and never writes over a CA that is there.',
      options: operationOptions(),
      examples: ['kubexm cluster adopt --dry-run', 'kubexm cluster adopt -f cluster.yaml'],
      load: () => import('./adopt.js'),
    },
    {
      name: 'upgrade',
      summary: 'Take Kubernetes to another version: control planes, then workers, with their pods moved away',
      description:
        'Looks first for everything that could stop it half-way, takes a snapshot of etcd, and brings all files and images to their hosts.\nSeveral minors are one plan, each complete before the next. Stops at the first failure with the cluster serving; run again, it goes on.',
      options: [
        // There is no way back from an upgrade: to undo the files of a half of it would take the other half down.
        ...operationOptions().filter(({ flags }) => flags !== '--rollback'),
        { flags: '--to <version>', description: 'such as v1.35.4; default: the version of the config' },
        ...upgradeOptions,
      ],
      examples: [
        'kubexm cluster upgrade --to v1.34.4 --dry-run',
        'kubexm cluster upgrade --to v1.35.4 --via v1.34.4 --max-unavailable 20%',
        'kubexm cluster upgrade --to v1.34.4 --canary node4 --pause-after canary',
      ],
      load: () => import('./upgrade.js'),
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
      description:
        'With --drift also everything in which it differs from the config: files, units, versions, settings, labels, certificates.\nExit code 1: it is not healthy; 3: it is, and differs from the config.',
      options: [
        ...commonOptions(),
        {
          flags: '--drift',
          description: 'compare every host with the config as well (takes as long as `cluster plan`)',
        },
      ],
      examples: ['kubexm cluster status', 'kubexm cluster status --drift', 'kubexm cluster status -o json'],
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
