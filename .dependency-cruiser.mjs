import { layers, openToAll } from './scripts/layers.mjs';

const anything = '\\.(test|fixture)\\.ts$';
const below = (folders) => `^(${folders.join('|')})/`;

const rules = Object.entries(layers).flatMap(([folder, { value, types }]) => {
  const open = [folder, ...openToAll, ...value];
  const from = { path: below([folder]), pathNot: anything };
  return [
    {
      name: `${folder.replace('src/', '')}-imports`,
      comment: `${folder} may import ${[...value, ...types.map((type) => `types of ${type}`)].join(', ') || 'no other layer'}`,
      severity: 'error',
      from,
      to: { path: '^(src|lab|test|bench|scripts)/', pathNot: below([...open, ...types]) },
    },
    ...(types.length === 0
      ? []
      : [
          {
            name: `${folder.replace('src/', '')}-imports-types-only`,
            comment: `${folder} may import only types of ${types.join(', ')}`,
            severity: 'error',
            from,
            to: { path: below(types), dependencyTypesNot: ['type-only'] },
          },
        ]),
  ];
});

const folderNames = Object.keys(layers);

export default {
  forbidden: [
    ...rules,
    {
      name: 'unknown-layer',
      comment: 'every folder below src/ has a row in scripts/layers.mjs',
      severity: 'error',
      from: { path: '^src/', pathNot: below(folderNames) },
      to: {},
    },
    {
      name: 'no-cycles',
      comment: 'modules that import each other in a circle (types may, and imports that wait for a call)',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    {
      name: 'tests-stay-outside',
      comment: 'only tests import tests and fixtures',
      severity: 'error',
      from: { path: '^(src|lab)/', pathNot: anything },
      to: { path: [anything, '^(test|bench)/'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^e2e:' } },
    {
      name: 'declared',
      comment: 'a dependency of the product that package.json does not declare as one',
      severity: 'error',
      from: { path: '^(src|lab)/', pathNot: anything },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^lab/go/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
