import { commonOptions, type GroupSpec, operationOptions } from '../command-spec.js';

// A key that objects are written with cannot be taken away again.
const options = operationOptions().filter(({ flags }) => flags !== '--rollback');

/** `kubexm secrets …` */
export const secretsGroup: GroupSpec = {
  name: 'secrets',
  summary: 'Look after the encryption of objects in etcd',
  commands: [
    {
      name: 'status',
      summary: 'With which keys the control planes work, and how etcd holds the objects',
      description:
        'Names of keys, never keys; counts of objects by resource, as they lie in etcd.\nExit code 3: something is not encrypted as the config says, or a change of keys was not seen through.',
      options: commonOptions(),
      examples: ['kubexm secrets status', 'kubexm secrets status -o json'],
      load: () => import('./status.js'),
    },
    {
      name: 'rotate-key',
      summary: 'A new key for the objects in etcd: all are written anew, and the old key goes',
      description:
        'Every apiserver learns to read with the new key, then all write with it, then every object is written anew and looked at in etcd.\nOnly then the old key goes. No apiserver restarts. Run again, it goes on where it was.',
      options,
      examples: ['kubexm secrets rotate-key --dry-run', 'kubexm secrets rotate-key --yes'],
      load: () => import('./rotate-key.js'),
    },
    {
      name: 'decrypt',
      summary: 'Write in clear what the config does not ask to be encrypted any more',
      description:
        'Take spec.kubernetes.encryptionAtRest, or a resource of it, out of the config first.\nWhen nothing is encrypted any more the apiservers are restarted without keys, one control plane after the other.',
      options,
      examples: ['kubexm secrets decrypt --dry-run', 'kubexm secrets decrypt'],
      load: () => import('./decrypt.js'),
    },
  ],
};
