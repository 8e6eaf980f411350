// Writes docs/config.md and docs/cluster.schema.json from the schema of the config; a unit test says when that is due.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'kubexm-docs-'));
try {
  const outfile = join(folder, 'config.mjs');
  await build({
    entryPoints: [join(root, 'src/config/index.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    // Some dependencies are CommonJS and ask for node's modules by require().
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  const { generatedDocs } = await import(pathToFileURL(outfile).href);
  for (const { name, content } of generatedDocs()) {
    await writeFile(join(root, 'docs', name), content);
    process.stdout.write(`docs/${name}: ${content.length} bytes\n`);
  }
  // As `npm run format` would lay it out.
  execFileSync(
    join(root, 'node_modules/.bin/biome'),
    ['format', '--write', 'docs/cluster.schema.json', 'docs/config.md'],
    { cwd: root },
  );
} finally {
  await rm(folder, { recursive: true });
}
