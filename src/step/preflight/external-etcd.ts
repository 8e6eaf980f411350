import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { SecretRef, StepContext } from '../context.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, satisfied } from '../define.js';
import { readCertificate, readPair } from '../pki/files.js';
import type { CertificateFiles } from '../pki/params.js';
import { daysLeft, daysText } from '../pki/validity.js';

const kind = 'preflight.etcd-client';
const warnDays = 30;

/** The client certificate of an etcd that somebody else runs: paths on the control machine. */
export interface CheckEtcdClient {
  readonly ca: string;
  readonly client: CertificateFiles;
}

/** Whether the files are there, belong together and are good for some time. */
export const checkEtcdClient = defineStep<CheckEtcdClient>({
  kind,
  title: () => 'Check the client certificate for the external etcd',
  recheck: false,
  async precheck(ctx, { ca: caFile, client }) {
    requireControlNode(ctx, kind);
    const [{ certificate, key }, ca] = await Promise.all([readPair(client), readCertificate(caFile)]);
    const missing = [...(certificate ? [] : [client.cert]), ...(key ? [] : [client.key]), ...(ca ? [] : [caFile])];
    if (!certificate || !key || !ca)
      throw refused(
        `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not there`,
        'correct spec.etcd.external',
      );
    if (!certificate.checkPrivateKey(key))
      throw refused(`${client.key} is not the key of ${client.cert}`, 'name the two files that belong together');
    const left = Math.min(daysLeft(certificate), daysLeft(ca));
    const first = daysLeft(certificate) <= daysLeft(ca) ? client.cert : caFile;
    if (left <= 0) throw refused(`${first} has run out`, 'get a new one from whoever runs etcd');
    if (left < warnDays)
      ctx.log('warn', `${first} runs out in ${daysText(left)}; get a new one from whoever runs etcd`);
    return satisfied(`it is good for ${daysText(left)}`);
  },
  run: () => Promise.resolve(),
});

function refused(message: string, hint: string): KubexmError {
  return new KubexmError('PREFLIGHT_FAILED', message, { hint, retryable: false });
}

/** `client`: certificate and key, then `ca`, as files of the control machine. */
export interface CheckExternalEtcd {
  readonly endpoints: readonly string[];
  readonly cert: SecretRef;
  readonly key: SecretRef;
  readonly ca: SecretRef;
}

/** kubeadm and the apiservers of today know no older one. */
const oldest = [3, 5] as const;

/**
 * Asks every endpoint from a control plane host whether it is healthy and which version it has, with the files that the
 * apiservers will use. They are on the host for this long only, in memory. It takes curl; without it, it says so.
 */
export const checkExternalEtcd = defineStep<CheckExternalEtcd>({
  kind: 'preflight.external-etcd',
  title: (p) => `Ask ${p.endpoints.length} endpoints of etcd`,
  recheck: false,
  async precheck(ctx, p) {
    const { host } = ctx;
    const answers = await ask(ctx, p);
    if (answers === undefined) {
      ctx.log(
        'warn',
        `${host.name} has no curl: whether etcd accepts the client certificate shows when the apiserver starts`,
      );
      return satisfied('it could not be asked without curl');
    }
    const problems = p.endpoints.flatMap((endpoint) => problemOf(endpoint, answers.get(endpoint)));
    if (problems.length === p.endpoints.length) {
      throw new KubexmError('PREFLIGHT_FAILED', `${host.name}: no endpoint of etcd can be used`, {
        details: problems,
        hint: 'correct spec.etcd.external, or ask whoever runs etcd',
        retryable: false,
      });
    }
    for (const problem of problems) ctx.log('warn', problem);
    const versions = new Set([...answers.values()].flatMap(({ version }) => version ?? []));
    if (versions.size > 1) ctx.log('warn', `the endpoints have different versions: ${[...versions].join(', ')}`);
    return satisfied(`etcd ${[...versions].join(', ')} answers`);
  },
  run: () => Promise.resolve(),
});

interface Answer {
  readonly healthy: boolean;
  readonly version?: string;
  readonly said: string;
}

async function ask(
  { host, signal, secret }: StepContext,
  p: CheckExternalEtcd,
): Promise<ReadonlyMap<string, Answer> | undefined> {
  const [cert, key, ca] = await Promise.all([secret(p.cert), secret(p.key), secret(p.ca)]);
  const stdin = new Secret(`${cert.reveal()}\n${key.reveal()}\n@@ca\n${ca.reveal()}\n`);
  const { stdout } = await host.run(
    sh`command -v curl >/dev/null || { echo no-curl; exit 0; }
umask 077; d=$(mktemp -d /dev/shm/kubexm-XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf -- "$d"' EXIT
cat > "$d/all"; sed '/^@@ca$/,$d' "$d/all" > "$d/client"; sed '1,/^@@ca$/d' "$d/all" > "$d/ca"
for e in ${p.endpoints}; do for path in health version; do
  printf '@@%s %s ' "$e" "$path"; curl -sS --max-time 5 --cacert "$d/ca" --cert "$d/client" "$e/$path" 2>&1 | tr '\n' ' '; echo
done; done`,
    { stdin, secrets: [stdin, key], signal },
  );
  if (stdout.trim() === 'no-curl') return undefined;
  const said = (endpoint: string, path: string) =>
    stdout
      .split('\n')
      .find((line) => line.startsWith(`@@${endpoint} ${path} `))
      ?.slice(`@@${endpoint} ${path} `.length)
      .trim() ?? '';
  return new Map(
    p.endpoints.map((endpoint) => {
      const version = /"etcdserver":"([^"]+)"/.exec(said(endpoint, 'version'))?.[1];
      const health = said(endpoint, 'health');
      return [
        endpoint,
        { healthy: /"health":"true"/.test(health), said: health, ...(version === undefined ? {} : { version }) },
      ] as const;
    }),
  );
}

function problemOf(endpoint: string, answer: Answer | undefined): string[] {
  if (answer === undefined || answer.said === '') return [`${endpoint} does not answer`];
  if (!answer.healthy) return [`${endpoint} is not healthy: ${answer.said.slice(0, 200)}`];
  const [major = 0, minor = 0] = (answer.version ?? '').split('.').map(Number);
  const isOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
  return isOld
    ? [`${endpoint} has etcd ${answer.version ?? 'of unknown version'}, ${oldest.join('.')} or newer is needed`]
    : [];
}
