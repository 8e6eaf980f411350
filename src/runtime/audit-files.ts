import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { auditPolicyProblems, type Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { asError, KubexmError } from '../errors/index.js';

/** Digests of the files that `apiServer.audit` names, by path; a policy that kube-apiserver would refuse is refused here. */
export async function readAuditFiles({ spec }: Cluster): Promise<ReadonlyMap<string, string>> {
  const { audit } = spec.kubernetes.apiServer;
  const digests = new Map<string, string>();
  if (audit?.policy.type === 'file') {
    const { path } = audit.policy;
    const content = await read('policyFile', path);
    await refuseBadPolicy(path, content.toString());
    digests.set(path, digest(content));
  }
  if (audit?.webhook) {
    const { configFile } = audit.webhook;
    digests.set(configFile, digest(await read('webhook.configFile', configFile)));
  }
  return digests;
}

async function refuseBadPolicy(path: string, text: string): Promise<void> {
  const { parse } = await import('yaml');
  let problems: readonly string[];
  try {
    problems = auditPolicyProblems(parse(text));
  } catch (error) {
    problems = [asError(error).message];
  }
  if (problems.length === 0) return;
  throw new KubexmError('CONFIG_INVALID', `${path} is no audit policy that kube-apiserver accepts`, {
    details: problems,
    hint: 'correct the file; https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/',
    retryable: false,
  });
}

async function read(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new KubexmError('CONFIG_INVALID', `${path} cannot be read`, {
      cause,
      hint: `correct spec.kubernetes.apiServer.audit.${field} in the cluster file`,
      retryable: false,
    });
  }
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
