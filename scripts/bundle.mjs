// Sources that are no part of the product, as one file that node runs: benches and scenarios.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Bundles `entry` (relative to the root) and says where it is. `kind` names the cache directory and the version that it shows. */
export async function bundle(kind, entry, options = {}) {
  const outdir = join(root, `node_modules/.cache/kubexm-${kind}`);
  mkdirSync(outdir, { recursive: true });
  const outfile = join(outdir, `${entry.replaceAll(/\W+/g, '-')}-${process.pid}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.11',
    packages: 'external',
    define: { KUBEXM_VERSION: JSON.stringify(kind) },
    logLevel: 'warning',
    ...options,
  }).catch(() => process.exit(1)); // esbuild has printed the errors
  return outfile;
}
