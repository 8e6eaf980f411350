import { commonOptions, type GroupSpec } from '../command-spec.js';

/** `kubexm etcd …` */
export const etcdGroup: GroupSpec = {
  name: 'etcd',
  summary: 'Look after the etcd of a cluster',
  commands: [
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
