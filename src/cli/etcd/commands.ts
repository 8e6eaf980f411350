import { commonOptions, type GroupSpec, operationOptions, templatesOption } from '../command-spec.js';

/** `kubexm etcd …` */
export const etcdGroup: GroupSpec = {
  name: 'etcd',
  summary: 'Look after the etcd of a cluster',
  commands: [
    {
      name: 'health',
      summary: 'Whether etcd is well: members, database, alarms, certificates, apiservers',
      description:
        'Asks every member, also where hosts are down; what cannot be asked is shown as unknown.\nExit code 0: healthy; 3: degraded, with a quorum; 1: no quorum.',
      options: commonOptions(),
      examples: ['kubexm etcd health', 'kubexm etcd health -o json'],
      load: () => import('./health.js'),
    },
    {
      name: 'certs',
      summary: 'The certificates of etcd on every host: names, days left, whether they are those of this directory',
      description: 'Exit code 3: one runs out soon, is missing or not as it should be, or could not be looked at.',
      options: [
        ...commonOptions(),
        { flags: '--warn-days <days>', description: 'tell of those with fewer days left', fallback: '30' },
      ],
      examples: ['kubexm etcd certs', 'kubexm etcd certs --warn-days 60 -o json'],
      load: () => import('./certs.js'),
    },
    {
      name: 'renew-certs',
      summary: 'Make new certificates for etcd from its CA, one member at a time; nothing is restarted',
      description:
        'Needs the CA with its key in the work directory. Each certificate is proved on the wire before the next.\nRun again after an interruption: what is new already stays.',
      options: [
        ...operationOptions(),
        { flags: '--less-than <days>', description: 'renew those with no more days left', fallback: '360' },
      ],
      examples: ['kubexm etcd renew-certs', 'kubexm etcd renew-certs --less-than 90 --dry-run'],
      load: () => import('./renew-certs.js'),
    },
    {
      name: 'monitoring',
      summary: 'Write a scrape config, alert rules and a dashboard for Prometheus and Grafana; asks no host',
      options: [
        ...commonOptions(),
        {
          flags: '--dir <dir>',
          description: 'where to (default: monitoring/etcd of the work directory)',
          completes: 'files',
        },
        templatesOption,
      ],
      examples: ['kubexm etcd monitoring', 'kubexm etcd monitoring --dir /etc/prometheus/etcd'],
      load: () => import('./monitoring.js'),
    },
    {
      name: 'backup',
      summary: 'Take a snapshot, prove it, and keep it on a member and here',
      description:
        'A snapshot counts when etcdutl has read it, its digest fits, and it is on a member and in this directory.\nOf those it took, the newest etcd.backup.keep stay; nothing else is removed.',
      options: [
        ...operationOptions(),
        { flags: '--to <file>', description: 'a further copy, with its metadata beside it', completes: 'files' },
      ],
      examples: ['kubexm etcd backup', 'kubexm etcd backup --to /mnt/safe/before-upgrade.db'],
      load: () => import('./backup.js'),
    },
    {
      name: 'backups',
      summary: 'The snapshots here and on the members: age, revision, size, whether they are whole',
      description: 'Exit code 1: one is damaged; 3: a member could not be asked.',
      options: [...commonOptions(), { flags: '--verify', description: 'read every file and compare its digest' }],
      examples: ['kubexm etcd backups', 'kubexm etcd backups --verify -o json'],
      load: () => import('./backups.js'),
    },
    {
      name: 'restore',
      summary: 'Go back to the state of a snapshot, also when all data of etcd is lost',
      description:
        'Everything is tried beside the running etcd before anything stops. The data of now is moved aside, not deleted.\nEnded in the middle, the same command goes on from there.',
      arguments: [{ name: '<file>', description: 'a snapshot on this machine, or a name of `kubexm etcd backups`' }],
      options: [
        ...operationOptions(),
        {
          flags: '--force-foreign',
          description:
            'restore a snapshot of another cluster, or one that cannot be told; its certificates and nodes may not fit',
        },
      ],
      examples: [
        'kubexm etcd restore etcd-prod-20261123T020000Z-rev81234',
        'kubexm etcd restore /mnt/safe/before-upgrade.db',
      ],
      load: () => import('./restore.js'),
    },
    {
      name: 'members',
      summary: 'The member list as a quorum agrees on it, and what each member says',
      description: 'Exit code 0: all healthy; 3: degraded, with a quorum; 1: no quorum.',
      options: commonOptions(),
      examples: ['kubexm etcd members', 'kubexm etcd members -o json'],
      load: () => import('./members.js'),
    },
    {
      name: 'add-member',
      summary: 'Hosts of the config become members: learner, in sync, voter; one after the other',
      description:
        'The hosts must have the role etcd in the config. Takes a snapshot first and tells every apiserver last.\nStopped anywhere, the same command goes on from there.',
      arguments: [{ name: '<host...>', description: 'hosts with the role etcd' }],
      options: operationOptions(),
      examples: ['kubexm etcd add-member node4', 'kubexm etcd add-member node4 node5 --yes'],
      load: () => import('./add-member.js'),
    },
    {
      name: 'remove-member',
      summary: 'A member out of etcd, its host alive or dead, never against the quorum',
      description:
        'Every apiserver forgets it first. A host that answers is cleaned; its data are renamed, not deleted.\nExit code 4: those that stay would have no quorum.',
      arguments: [{ name: '<member>', description: 'a host, or the name or the id of a member' }],
      options: [
        ...operationOptions(),
        { flags: '--wipe-data', description: "delete the data on the host (default: rename the data's directory)" },
      ],
      examples: ['kubexm etcd remove-member node3', 'kubexm etcd remove-member 8e9e05c52164694d --dry-run'],
      load: () => import('./remove-member.js'),
    },
    {
      name: 'replace-member',
      summary: 'A lost member by another host, or by the same host with a new disk',
      description:
        'A dead member goes before the new one comes; one that is alive goes after.\nStopped anywhere, the same command goes on from there.',
      arguments: [{ name: '<member>', description: 'a host, or the name or the id of a member' }],
      options: [
        ...operationOptions(),
        { flags: '--with <host>', description: 'a host with the role etcd; default: the same host, installed anew' },
        { flags: '--wipe-data', description: "delete the old member's data (default: rename their directory)" },
      ],
      examples: ['kubexm etcd replace-member node3', 'kubexm etcd replace-member node3 --with node4'],
      load: () => import('./replace-member.js'),
    },
    {
      name: 'upgrade',
      summary: 'Another version of etcd: a snapshot first, then one member at a time, the leader last',
      description:
        'No minor is skipped, and nothing goes back. It stops at the first doubt; the same command goes on from there.',
      options: [
        ...operationOptions(),
        { flags: '--to <version>', description: 'the version to go to; default: the one of the config' },
      ],
      examples: ['kubexm etcd upgrade', 'kubexm etcd upgrade --to v3.6.14'],
      load: () => import('./upgrade.js'),
    },
    {
      name: 'defrag',
      summary: 'The holes of the database files back to the disk, one member at a time, the leader last',
      description:
        'A member answers nobody meanwhile: refused where another is away. Files that would shrink by less than 32 MiB or 30 % are left alone.',
      options: [
        ...operationOptions(),
        { flags: '--member <host>', description: 'only this one' },
        { flags: '--all', description: 'whatever there is to gain' },
      ],
      examples: ['kubexm etcd defrag', 'kubexm etcd defrag --member node2 --all'],
      load: () => import('./defrag.js'),
    },
    {
      name: 'compact',
      summary: 'Drop old revisions; etcd does so by itself every now and then (etcd.performance.autoCompaction…)',
      description: 'Values stay. Watches that are further behind than that begin anew.',
      options: [
        ...operationOptions(),
        { flags: '--keep <revisions>', description: 'how many stay readable', fallback: '1000' },
      ],
      examples: ['kubexm etcd compact', 'kubexm etcd compact --keep 0'],
      load: () => import('./compact.js'),
    },
    {
      name: 'alarms',
      summary: 'Alarms of the members with the size of their databases, and what to do about them',
      description: 'Exit code 0: none; 3: there are some; 1: no quorum, so nobody can tell.',
      options: commonOptions(),
      examples: ['kubexm etcd alarms', 'kubexm etcd alarms -o json'],
      load: () => import('./alarms.js'),
    },
    {
      name: 'recover-space',
      summary: 'Out of the alarm NOSPACE: compact, defragment, disarm, prove that writes work',
      description:
        'Brings the members the quota of the config too (etcd.performance.quotaBackendBytes).\nExit code 4 with the alarm CORRUPT, or where the data itself fills the quota.',
      options: operationOptions(),
      examples: ['kubexm etcd recover-space', 'kubexm etcd recover-space --yes'],
      load: () => import('./recover-space.js'),
    },
  ],
};
