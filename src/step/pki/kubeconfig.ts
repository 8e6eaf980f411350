import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from './digest.js';
import { closeToOthers, modeFault, writeDigests, writePrivate } from './files.js';
import type { GenerateKubeconfig } from './params.js';

const kind = 'pki.kubeconfig';

/** Writes a kubeconfig with everything embedded; again whenever a certificate or the addresses changed. */
export const generateKubeconfig = defineStep({
  kind,
  title: (p: GenerateKubeconfig) => `Write the kubeconfig ${p.path}`,
  writes: (p) => [fileDigest(p.path).$output],
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    const is = await unlessMissing(readFile(p.path, 'utf8'));
    if (is === undefined) return needed('there is none yet');
    if (!(await kubeconfigTexts(p)).includes(is)) return needed('an address or a certificate in it changed');
    const fault = await modeFault(p.path);
    if (fault) return needed(fault);
    await writeDigests(ctx, [p.path]);
    return satisfied('its content is right');
  },
  async run(ctx, p) {
    const [should = '', ...others] = await kubeconfigTexts(p);
    const is = await unlessMissing(readFile(p.path, 'utf8'));
    if (is === undefined || ![should, ...others].includes(is)) await writePrivate(p.path, should);
    await closeToOthers(p.path);
    await writeDigests(ctx, [p.path]);
  },
});

/** One for each server, in their order. */
async function kubeconfigTexts({ servers, clusterName, user, ca, client }: GenerateKubeconfig): Promise<string[]> {
  const [authority, cert, key] = await Promise.all([ca, client.cert, client.key].map(embedded));
  const credentials = { 'client-certificate-data': cert ?? '', 'client-key-data': key ?? '' };
  return await Promise.all(
    servers.map((server) => kubeconfigText({ server, clusterName, user, authority: authority ?? '', credentials })),
  );
}

/** A kubeconfig with one context. `authority`: base64; `credentials`: fields of its user. */
export async function kubeconfigText({
  server,
  clusterName,
  user,
  authority,
  credentials,
}: {
  readonly server: string;
  readonly clusterName: string;
  readonly user: string;
  readonly authority: string;
  readonly credentials: Readonly<Record<string, string>>;
}): Promise<string> {
  const { stringify } = await import('yaml');
  const context = `${user}@${clusterName}`;
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: clusterName, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: context, context: { cluster: clusterName, user } }],
    'current-context': context,
  };
  // No folding: readers other than YAML libraries expect the data in one line.
  return stringify(content, { lineWidth: 0 });
}

/** The file, base64. */
export async function embedded(path: string): Promise<string> {
  const content = await unlessMissing(readFile(path));
  if (content) return content.toString('base64');
  throw new KubexmError('FILE_MISSING', `${path} is not there`, { hint: 'it is made by an earlier step of the run' });
}
