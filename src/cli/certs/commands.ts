import { commonOptions, type GroupSpec } from '../command-spec.js';

/** `kubexm certs …` */
export const certsGroup: GroupSpec = {
  name: 'certs',
  summary: 'Look after the certificates of a cluster',
  commands: [
    {
      name: 'list',
      summary: 'Every certificate of the cluster: where it is, days left, whether it is what the config says',
      description:
        'Those of the apiservers and their clients, kubeconfigs, kubelets, etcd, and the CAs; of hosts that answer.\nExit code 3: one runs out soon, is missing or not as it should be, or could not be looked at.',
      options: [
        ...commonOptions(['text', 'json', 'prometheus']),
        { flags: '--warn-days <days>', description: 'tell of those with fewer days left', fallback: '30' },
      ],
      examples: ['kubexm certs list', 'kubexm certs list --warn-days 60 -o json', 'kubexm certs list -o prometheus'],
      load: () => import('./list.js'),
    },
  ],
};
