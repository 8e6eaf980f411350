import { commonOptions, type GroupSpec, operationOptions } from '../command-spec.js';

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
    {
      name: 'renew',
      summary: 'New certificates from the CAs that are there, one host at a time, each proved on the wire',
      description:
        'Those that run out within --within-days, and those that are not as they should be. Needs the CAs in the work directory.\nKubelets renew theirs by themselves: they are given one where theirs has run out. Run again, it goes on.',
      options: [
        ...operationOptions(),
        { flags: '--within-days <days>', description: 'renew those with no more days left', fallback: '30' },
        { flags: '--all', description: 'all that were not renewed in the last days' },
        {
          flags: '--only <kinds>',
          description:
            'such as apiserver,scheduler.conf; kubelet, etcd and kubeconfig (the administrator) are kinds too',
        },
      ],
      examples: [
        'kubexm certs renew --dry-run',
        'kubexm certs renew --all',
        'kubexm certs renew --only apiserver --within-days 90',
      ],
      load: () => import('./renew.js'),
    },
    {
      name: 'csr',
      summary: 'Requests for what a CA whose key is elsewhere has to sign (spec.certs.ca without keyFile)',
      description:
        'Writes DIR/HOST/NAME.csr for each certificate that is missing, due or not as it should be, and index.json with subject, names,\nusages and days. The keys stay in the work directory. Asks no host.',
      arguments: [{ name: '<dir>', description: 'the directory to write' }],
      options: [
        ...commonOptions(),
        { flags: '--within-days <days>', description: 'also those with no more days left', fallback: '30' },
      ],
      examples: ['kubexm certs csr ./requests', 'kubexm certs csr ./requests --within-days 60'],
      load: () => import('./csr.js'),
    },
    {
      name: 'import-signed',
      summary: 'Take what was signed for the requests of `kubexm certs csr`',
      description:
        'DIR/HOST/NAME.crt, PEM. Each is checked: key, signature, subject, names, usages, days; all that is wrong is told at once, and\nthen nothing is stored: exit code 4. 3: requests are left that nothing was signed for. Changes no host: kubexm certs renew does.',
      arguments: [{ name: '<dir>', description: 'the directory of `kubexm certs csr`, with the certificates' }],
      options: [
        ...commonOptions(),
        { flags: '--min-days <days>', description: 'refuse those that end earlier', fallback: '30' },
      ],
      examples: ['kubexm certs import-signed ./requests', 'kubexm certs import-signed ./requests --min-days 90'],
      load: () => import('./import-signed.js'),
    },
    {
      name: 'rotate-ca',
      summary: 'A CA by a new one: all trust both, everything is signed anew, the old one goes',
      description:
        'Nothing is down meanwhile where there are several control planes. Needs every host. Ended anywhere, the same command goes on from there.\nPods that trust only the old CA find the way to the new one until they are restarted, as long as the old one lasts.',
      arguments: [
        {
          name: '[ca]',
          description: 'which one; default: cluster',
          choices: ['cluster', 'front-proxy', 'etcd', 'service-account'],
        },
      ],
      options: [
        ...operationOptions(),
        {
          flags: '--cert <file>',
          description: 'a CA of your own to take, PEM; default: one is made',
          completes: 'files',
        },
        { flags: '--key <file>', description: 'its private key, PEM: RSA or ECDSA', completes: 'files' },
        { flags: '--drop-old', description: 'of service-account: tokens that earlier keys signed are good no more' },
      ],
      examples: [
        'kubexm certs rotate-ca --dry-run',
        'kubexm certs rotate-ca etcd',
        'kubexm certs rotate-ca cluster --cert company-ca.crt --key company-ca.key',
        'kubexm certs rotate-ca service-account',
      ],
      load: () => import('./rotate-ca.js'),
    },
    {
      name: 'export',
      summary: 'Put the keys and certificates of the cluster away, encrypted',
      description:
        'CAs, keys, the kubeconfig of the administrator and known host keys, in a file of age (https://age-encryption.org), 0600.\nWhoever can open it has the whole cluster.',
      arguments: [{ name: '<file>', description: 'the file to write' }],
      options: [
        ...commonOptions(),
        { flags: '--recipient <keys>', description: 'age1…, several with commas: who can open it' },
        { flags: '--passphrase-from <source>', description: 'env:NAME or file:PATH; default: you are asked' },
      ],
      examples: ['kubexm certs export /mnt/safe/prod-pki.age', 'kubexm certs export prod.age --recipient age1…'],
      load: () => import('./export.js'),
    },
    {
      name: 'import',
      summary: 'Put what `kubexm certs export` wrote back into the work directory',
      description: 'Files that are there and differ are never written over: exit code 4, and nothing is changed.',
      arguments: [{ name: '<file>', description: 'a file of `kubexm certs export`' }],
      options: [
        ...commonOptions(),
        { flags: '--identity <file>', description: 'an identity file of age', completes: 'files' },
        { flags: '--passphrase-from <source>', description: 'env:NAME or file:PATH; default: you are asked' },
      ],
      examples: ['kubexm certs import /mnt/safe/prod-pki.age', 'kubexm certs import prod.age --identity key.txt'],
      load: () => import('./import.js'),
    },
  ],
};
