// Builds dist/: ESM for Node 20, one lazily imported chunk per command, third-party packages left in node_modules.
// Chunk names carry a hash of their content and are written before the entries are renamed into place, so a build never disturbs
// a kubexm that is running: it goes on importing the chunks it was started with. Those are removed a day later.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, 'dist');
const keepOldChunksMs = 24 * 3600 * 1000;

// Small and needed at every start: one file to read instead of seven.
const bundled = new Set(['commander']);

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const external = Object.keys(manifest.dependencies).filter((name) => !bundled.has(name));

const result = await build({
  absWorkingDir: root,
  entryPoints: entryPoints(),
  outdir,
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.11',
  external,
  sourcemap: true,
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  legalComments: 'none',
  charset: 'utf8',
  define: { KUBEXM_VERSION: JSON.stringify(manifest.version) },
  // commander is CommonJS: bundled, it asks for node's own modules through `require`.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  logLevel: 'warning',
  metafile: true,
  write: false,
}).catch(() => process.exit(1)); // esbuild has printed the errors

mkdirSync(outdir, { recursive: true });
const written = new Set(result.outputFiles.map((file) => basename(file.path)));
const entries = new Set(
  Object.entries(result.metafile.outputs)
    .filter(([, output]) => output.entryPoint !== undefined && isEntry(output.entryPoint))
    .map(([path]) => basename(path)),
);
const byRole = (wanted) => result.outputFiles.filter((file) => entries.has(basename(file.path)) === wanted);
for (const file of [...byRole(false), ...byRole(true)]) writeAtomically(file.path, file.contents);
removeOldChunks();

if (written.size === 0) throw new Error('the build wrote nothing');
if (!process.argv.includes('--quiet')) console.log(`dist/: ${written.size} files, entries ${[...entries].join(', ')}`);

/** main.js and every process that the lab starts on its own: dist/NAME-main.js from lab/…/NAME-main.ts. */
function entryPoints() {
  const found = { main: 'src/cli/main.ts' };
  for (const path of labEntries(join(root, 'lab'))) found[basename(path, '.ts')] = relative(root, path);
  return found;
}

function labEntries(dir) {
  return readdirSync(dir, { withFileTypes: true, recursive: false }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'go' ? [] : labEntries(join(dir, entry.name));
    return entry.name.endsWith('-main.ts') ? [join(dir, entry.name)] : [];
  });
}

function isEntry(source) {
  return source === 'src/cli/main.ts' || source.endsWith('-main.ts');
}

function writeAtomically(path, contents) {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

function removeOldChunks() {
  for (const name of readdirSync(outdir)) {
    if (written.has(name) || !/\.(js|map|tmp)$/.test(name)) continue;
    const path = join(outdir, name);
    if (Date.now() - statSync(path).mtimeMs > keepOldChunksMs) unlinkSync(path);
  }
}
