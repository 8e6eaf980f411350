import { changeOptions, commonOptions, eventsOption, type GroupSpec, type OptionSpec } from '../command-spec.js';

const hosts: OptionSpec = { flags: '--hosts <number>', description: 'how many hosts', fallback: '3' };

/** `kubexm lab …` */
export const labGroup: GroupSpec = {
  name: 'lab',
  summary: 'Disposable hosts on this machine, to try kubexm without machines (Linux, root)',
  commands: [
    {
      name: 'up',
      summary: 'Start hosts, a mirror of files and images, and write a cluster.yaml for them',
      options: [...commonOptions(), ...changeOptions, hosts],
      examples: ['kubexm lab up --hosts 5'],
      load: () => import('./up.js'),
    },
    {
      name: 'status',
      summary: 'What of the lab runs',
      options: commonOptions(),
      examples: ['kubexm lab status -o json'],
      load: () => import('./status.js'),
    },
    {
      name: 'down',
      summary: 'End and remove everything of the lab',
      options: [...commonOptions(), ...changeOptions],
      examples: ['kubexm lab down'],
      load: () => import('./down.js'),
    },
    {
      name: 'demo',
      summary: 'Lab of 3 hosts, then a cluster on them, then a look at its nodes and pods',
      options: [...commonOptions(), ...changeOptions, eventsOption, hosts],
      examples: ['kubexm lab demo'],
      load: () => import('./demo.js'),
    },
  ],
};
