import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { asError, KubexmError } from '../errors/index.js';
import { type Diagnostic, renderDiagnostic } from './diagnostic.js';
import { loadCluster } from './load.js';

/**
 * Throws CONFIG_NOT_FOUND, or CONFIG_INVALID with all rendered diagnostics as its details. `kubernetesVersion`: what the file
 * would mean if it named this version, with all defaults that go with it.
 */
export async function readClusterFile(
  path: string,
  { kubernetesVersion }: { readonly kubernetesVersion?: string } = {},
): Promise<{ cluster: Cluster; warnings: readonly Diagnostic[] }> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    const cause = asError(thrown);
    const missing = 'code' in cause && cause.code === 'ENOENT';
    throw new KubexmError(
      'CONFIG_NOT_FOUND',
      missing ? `there is no config ${path}` : `cannot read the config ${path}: ${cause.message}`,
      {
        hint: missing ? `write one with: kubexm config init > ${path}; or name another: -f FILE` : undefined,
        cause,
      },
    );
  });
  const { cluster, diagnostics } = loadCluster(
    kubernetesVersion === undefined ? text : withVersion(text, kubernetesVersion),
    path,
  );
  if (cluster !== undefined) return { cluster, warnings: diagnostics };
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  throw new KubexmError('CONFIG_INVALID', `${path} has ${errors === 1 ? 'an error' : `${errors} errors`}`, {
    details: diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, { color: false })),
    hint: `correct it, then: kubexm config validate -f ${path}`,
    retryable: false,
  });
}

/** A file that cannot be read as one document stays as it is: loading it says why. */
function withVersion(text: string, kubernetesVersion: string): string {
  const document = parseDocument(text, { merge: true });
  if (document.errors.length > 0) return text;
  document.setIn(['spec', 'kubernetes', 'version'], kubernetesVersion);
  return document.toString();
}
