// npm run e2e -- [ID...] [--core] [--keep] [--list] [--summary FILE]: scenarios on real lab hosts. Without ids: all of them.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle, root } from './bundle.mjs';

const folder = join(root, 'test/e2e');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    core: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    summary: { type: 'string' },
  },
});

const files = scenarioFiles();
// A scenario with parts (`create-8`, `create-8b`) is asked for by its number; a part alone by its letter.
const partsOf = (id) => [...files.keys()].filter((known) => known === id);
const unknown = positionals.filter((id) => partsOf(id).length === 0);
if (files.size === 0 || unknown.length > 0) {
  console.error(`no such scenario: ${unknown.join(', ')}; there are: ${[...files.keys()].join(', ') || 'none'}`);
  process.exit(2);
}
const chosen = positionals.length > 0 ? [...new Set(positionals.flatMap(partsOf))] : [...files.keys()];

// The kubexm that is tried is the one of these sources; the scenarios start it without building again.
execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), '--quiet'], { stdio: 'inherit' });
const bundled = await bundleScenarios();
const { main } = await import(pathToFileURL(bundled).href);
rmSync(bundled);
const results = await main({
  root,
  coreOnly: values.core,
  keep: values.keep,
  list: values.list,
  // Who asks for the results as a file adds them to others.
  total: values.summary === undefined,
  print: (line) => console.log(line),
});
if (values.summary !== undefined) writeFileSync(values.summary, JSON.stringify(results));
const failed = results.some(({ state }) => state === 'failed');
const nothing = results.length === 0 && !values.list;
if (nothing) console.error('no scenario was run');
// What a scenario that was ended left behind must not keep the process.
process.exit(failed || nothing ? 1 : 0);

/** id → path, of every test/e2e/GROUP/NAME-NUMBER.ts. */
function scenarioFiles() {
  const found = readdirSync(folder, { recursive: true })
    .filter((path) => /[\\/][a-z][a-z-]*-\d+[a-z]?\.ts$/.test(path))
    .map((path) => [basename(path, '.ts'), join(folder, path)]);
  const byNumber = ([a], [b]) => a.localeCompare(b, 'en', { numeric: true });
  return new Map(found.sort(byNumber));
}

/** Runner and chosen scenarios in one file; a scenario that was not asked for may be half written. */
function bundleScenarios() {
  const imports = chosen.map((id) => `${JSON.stringify(id)}: await import(${JSON.stringify(files.get(id))})`);
  const table = {
    name: 'e2e-scenarios',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^e2e:scenarios$/ }, ({ path }) => ({ path, namespace: 'e2e' }));
      onLoad({ filter: /.*/, namespace: 'e2e' }, () => ({
        contents: `export const loadScenarios = async () => ({ ${imports.join(', ')} });`,
        resolveDir: root,
      }));
    },
  };
  return bundle('e2e', 'test/e2e/harness/main.ts', { sourcemap: 'inline', plugins: [table] });
}
