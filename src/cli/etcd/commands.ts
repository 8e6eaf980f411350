import { commonOptions, type GroupSpec } from '../command-spec.js';

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
      name: 'members',
      summary: 'The member list as a quorum agrees on it, and what each member says',
      description: 'Exit code 0: all healthy; 3: degraded, with a quorum; 1: no quorum.',
      options: commonOptions(),
      examples: ['kubexm etcd members', 'kubexm etcd members -o json'],
      load: () => import('./members.js'),
    },
  ],
};
