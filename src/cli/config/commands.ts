import { changeOptions, commonOptions, type GroupSpec } from '../command-spec.js';

/** `kubexm config …` */
export const configGroup: GroupSpec = {
  name: 'config',
  summary: 'Write and check the cluster config',
  commands: [
    {
      name: 'init',
      summary: 'A config to start from, on stdout or in a file',
      options: [
        ...commonOptions(),
        ...changeOptions,
        {
          flags: '--write',
          description: 'write the file named by --config; one that exists is only replaced with --yes',
        },
      ],
      examples: ['kubexm config init > cluster.yaml', 'kubexm config init --write -f prod.yaml'],
      load: () => import('./init.js'),
    },
    {
      name: 'validate',
      summary: 'Report all problems of the config, each with its place',
      options: commonOptions(),
      examples: ['kubexm config validate -f cluster.yaml'],
      load: () => import('./validate.js'),
    },
    {
      name: 'schema',
      summary: 'The JSON Schema of the config, for editors',
      options: commonOptions(),
      examples: ['kubexm config schema > cluster.schema.json'],
      load: () => import('./schema.js'),
    },
    {
      name: 'show',
      summary: 'The config with every default filled in; secrets masked',
      options: commonOptions(),
      examples: ['kubexm config show', 'kubexm config show -o json'],
      load: () => import('./show.js'),
    },
  ],
};
