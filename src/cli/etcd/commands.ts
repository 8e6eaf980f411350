import { commonOptions, type GroupSpec, operationOptions } from '../command-spec.js';

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
          description: 'restore a snapshot of another cluster, or one that cannot be told; its certificates and nodes may not fit',
        },
      ],
      examples: ['kubexm etcd restore etcd-prod-20261123T020000Z-rev81234', 'kubexm etcd restore /mnt/safe/before-upgrade.db'],
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
  ],
};
