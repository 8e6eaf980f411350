// Who may import whom. One row a folder: `value` may be imported for use, `types` only with `import type`. Every folder may import
// itself and what is open to all. The rules of .dependency-cruiser.mjs and the table in ARCHITECTURE.md come from here.
export const openToAll = ['src/errors', 'src/util', 'src/common', 'src/secrets'];

export const layers = {
  'src/cli': {
    value: ['src/pipeline', 'src/engine', 'src/runtime', 'src/config', 'src/logger', 'src/apis', 'lab'],
    types: [],
  },
  'src/pipeline': { value: ['src/module', 'src/plan'], types: ['src/task', 'src/step'] },
  'src/module': { value: ['src/task', 'src/plan'], types: [] },
  'src/task': { value: ['src/resource', 'src/step', 'src/plan', 'src/apis'], types: [] },
  'src/resource': { value: ['src/step', 'src/plan', 'src/cache'], types: ['src/apis'] },
  'src/step': { value: ['src/runner', 'src/plan'], types: [] },
  'src/engine': { value: ['src/plan'], types: [] },
  // The composition root: it puts the parts together.
  'src/runtime': {
    value: [
      'src/config',
      'src/apis',
      'src/engine',
      'src/plan',
      'src/resource',
      'src/runner',
      'src/connector',
      'src/cache',
      'src/logger',
      // A saved plan is turned back into steps.
      'src/step',
    ],
    types: ['src/task'],
  },
  'src/runner': { value: ['src/connector'], types: [] },
  'src/config': { value: ['src/apis'], types: [] },
  'src/logger': { value: [], types: ['src/plan', 'src/engine'] },
  'src/plan': { value: [], types: [] },
  'src/apis': { value: [], types: [] },
  'src/connector': { value: [], types: [] },
  'src/cache': { value: [], types: [] },
  'src/secrets': { value: [], types: [] },
  'src/common': { value: [], types: [] },
  'src/errors': { value: [], types: [] },
  'src/util': { value: [], types: [] },
  lab: { value: [], types: [] },
};

/** The table as ARCHITECTURE.md has it: folders that import the same stand in one row, those that may import nothing come last. */
export function layerTable() {
  const names = (folders) => folders.map((folder) => folder.replace(/^src\//, ''));
  const rows = new Map();
  for (const [folder, { value, types }] of Object.entries(layers)) {
    if (openToAll.includes(folder) && folder !== 'src/secrets') continue;
    const typesOf = types.length === 0 ? [] : [`types of ${names(types).join(' and ')}`];
    const nothing = folder === 'lab' ? 'nothing of `src/` but what is open to all' : 'nothing';
    const may = [names(value).join(', '), ...typesOf].filter((part) => part !== '').join('; ') || nothing;
    rows.set(may, [...(rows.get(may) ?? []), `\`${names([folder])[0]}\``]);
  }
  const cells = [['folder', 'may import'], ...[...rows].map(([may, folders]) => [folders.join(', '), may])];
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column].length)));
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`);
  return [lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n');
}
