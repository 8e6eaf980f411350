import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { certificatesIn } from '../pki/files.js';
import { kubectl } from './kubectl.js';

/** `authority`: the CA's file on the control machine. */
export interface PublishedCa {
  readonly authority: string;
}

/** Who wants to join finds the API's CA in the ConfigMap cluster-info of kube-public. */
export const clusterInfoCa = defineStep<PublishedCa>({
  kind: 'kube.cluster-info-ca',
  title: () => 'Publish the CA in cluster-info',
  policy: { attempts: 3, backoffMs: 1000 },
  async precheck(ctx, p) {
    const { text, wanted } = await clusterInfo(ctx, p);
    if (text === undefined) return satisfied('there is no cluster-info');
    return text === wanted ? satisfied('it is published') : needed('another one is published');
  },
  async run(ctx, p) {
    const { wanted } = await clusterInfo(ctx, p);
    const patch = JSON.stringify({ data: { kubeconfig: wanted } });
    await ctx.host.run(
      kubectl(['-n', 'kube-public', 'patch', 'configmap', 'cluster-info', '--type=merge', '-p', patch]),
      {
        signal: ctx.signal,
      },
    );
  },
});

async function clusterInfo({ host, signal }: StepContext, { authority }: PublishedCa) {
  const { stdout } = await host.run(
    kubectl(['-n', 'kube-public', 'get', 'configmap', 'cluster-info', '--ignore-not-found', '-o', 'json']),
    { signal },
  );
  if (stdout.trim() === '') return { text: undefined, wanted: undefined };
  const { data } = JSON.parse(stdout) as { data: { kubeconfig: string } };
  const ca = (await readFile(authority)).toString('base64');
  const wanted = data.kubeconfig.replace(/(certificate-authority-data: ).*/, (_all, field: string) => `${field}${ca}`);
  return { text: data.kubeconfig, wanted };
}

/** `among`: others may be given beside it. Default false. */
export interface PodsTrust extends PublishedCa {
  readonly among?: boolean;
}

/** Waits until the controller manager gives pods exactly this CA, in the ConfigMap kube-root-ca.crt of each namespace. */
export const podsTrust = defineStep<PodsTrust>({
  kind: 'kube.pods-trust',
  title: () => 'Wait until pods are given the CA',
  waits: true,
  async precheck(ctx, p) {
    const because = await notGiven(ctx, p);
    return because === undefined ? satisfied('all namespaces have it') : needed(because);
  },
  async run(ctx, p) {
    const answer = await pollUntil(
      async () => {
        const because = await notGiven(ctx, p);
        return { done: because === undefined, because };
      },
      { timeoutMs: 180_000, intervalMs: 1000, signal: ctx.signal },
    );
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `pods are not given the CA ${p.authority}`, {
      details: [answer.because ?? ''],
      hint: 'it is the controller manager that writes it: crictl logs of kube-controller-manager on each control plane; then run the same command again',
    });
  },
});

async function notGiven(
  { host, signal }: StepContext,
  { authority, among = false }: PodsTrust,
): Promise<string | undefined> {
  const answer = await host.tryRun(
    kubectl(['get', 'configmaps', '-A', '--field-selector=metadata.name=kube-root-ca.crt', '-o', 'json']),
    { signal },
  );
  if (answer.exitCode !== 0) return `the API does not answer: ${answer.stderr.trim().split('\n').at(-1) ?? ''}`;
  const wanted = (await readFile(authority, 'utf8')).trim();
  const { items } = JSON.parse(answer.stdout) as {
    items: { metadata: { namespace: string }; data?: Record<string, string> }[];
  };
  const others = items.filter(({ data }) => {
    const given = data?.['ca.crt']?.trim() ?? '';
    return among ? !given.includes(wanted) : given !== wanted;
  });
  return others.length === 0
    ? undefined
    : `${others.map(({ metadata }) => metadata.namespace).join(', ')} have another`;
}

/** Aggregated APIs find whom to trust in the ConfigMap extension-apiserver-authentication, which the apiservers write. */
export const frontProxyPublished = defineStep<PublishedCa>({
  kind: 'kube.front-proxy-published',
  title: () => 'Wait until aggregated APIs are told of the CA',
  waits: true,
  async precheck(ctx, p) {
    return (await isPublished(ctx, p)) ? satisfied('they are') : needed('they are told of another one');
  },
  async run(ctx, p) {
    const { done } = await pollUntil(async () => ({ done: await isPublished(ctx, p) }), {
      timeoutMs: 180_000,
      intervalMs: 1000,
      signal: ctx.signal,
    });
    if (!done)
      throw new KubexmError('WAIT_TIMEOUT', 'the apiservers do not tell aggregated APIs of the new front-proxy CA', {
        hint: 'kubectl -n kube-system get configmap extension-apiserver-authentication -o yaml; then run the same command again',
      });
  },
});

async function isPublished(ctx: StepContext, { authority }: PublishedCa): Promise<boolean> {
  const data = await authenticationData(ctx);
  return data?.['requestheader-client-ca-file']?.includes((await readFile(authority, 'utf8')).trim()) === true;
}

/** Undefined where the API does not answer. */
async function authenticationData({
  host,
  signal,
}: StepContext): Promise<Readonly<Record<string, string>> | undefined> {
  const { exitCode, stdout } = await host.tryRun(
    kubectl(['-n', 'kube-system', 'get', 'configmap', 'extension-apiserver-authentication', '-o', 'json']),
    { signal },
  );
  return exitCode === 0 ? ((JSON.parse(stdout) as { data?: Record<string, string> }).data ?? {}) : undefined;
}

/** `field`: of the ConfigMap; `former`: the CA that goes, `authority`: the one that stays. */
export interface FormerCa extends PublishedCa {
  readonly field: 'client-ca-file' | 'requestheader-client-ca-file';
  readonly former: string;
  /** How long it has to stay away. Each apiserver adds what it trusts itself once a minute. Default 70 s. */
  readonly settleMs?: number;
}

/**
 * Takes the old CA out of extension-apiserver-authentication, by which aggregated APIs know their clients: apiservers only ever
 * add to it. One that still trusts the old one itself puts it back within a minute (seen with v1.34.4), so that its staying away
 * proves that all have let go of it.
 */
export const formerCaUnpublished = defineStep<FormerCa>({
  kind: 'kube.former-ca-unpublished',
  title: () => 'See that aggregated APIs and apiservers let go of the old CA',
  policy: { timeoutMs: 360_000, attempts: 3, backoffMs: 2000 },
  async precheck(ctx, p) {
    const { because, wanted } = await withoutFormer(ctx, p);
    if (because !== undefined) return needed(because);
    return wanted === undefined ? satisfied('it is not there') : needed('it is there');
  },
  async run(ctx, p) {
    const { settleMs = 70_000 } = p;
    let awaySince = performance.now();
    const answer = await pollUntil(
      async () => {
        const { because, wanted } = await withoutFormer(ctx, p);
        if (because === undefined && wanted === undefined)
          return { done: performance.now() - awaySince >= settleMs, because: 'an apiserver puts it back' };
        awaySince = performance.now();
        if (wanted === undefined) return { done: false, because };
        await publish(ctx, { [p.field]: wanted });
        return { done: false, because: 'an apiserver puts it back' };
      },
      { timeoutMs: 3 * settleMs, intervalMs: Math.min(2000, settleMs), signal: ctx.signal },
    );
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `the old CA stays in ${p.field} of extension-apiserver-authentication`, {
      details: [answer.because ?? ''],
      hint: 'on each control plane: crictl logs of kube-apiserver, since one has not read its CAs anew; then run the same command again',
    });
  },
});

/** `wanted`: what the field has to hold, where it differs; `because`: why that cannot be told. */
async function withoutFormer(
  ctx: StepContext,
  { field, former, authority }: FormerCa,
): Promise<{ readonly wanted?: string; readonly because?: string }> {
  const data = await authenticationData(ctx);
  if (data === undefined) return { because: 'the API does not answer' };
  const [found, old, stays] = [
    data[field] ?? '',
    await readFile(former, 'utf8'),
    await readFile(authority, 'utf8'),
  ].map(certificatesIn);
  const has = (texts: readonly X509Certificate[] | undefined, one: X509Certificate) =>
    texts?.some((each) => each.fingerprint256 === one.fingerprint256) === true;
  const kept = found?.filter((each) => has(stays, each) || !has(old, each)) ?? [];
  return kept.length === found?.length ? {} : { wanted: kept.map((each) => each.toString()).join('') };
}

async function publish({ host, signal }: StepContext, data: Readonly<Record<string, string>>): Promise<void> {
  const patch = JSON.stringify({ data });
  const name = 'extension-apiserver-authentication';
  await host.run(kubectl(['-n', 'kube-system', 'patch', 'configmap', name, '--type=merge', '-p', patch]), { signal });
}

/** Objects that carry this CA in a `caBundle`: whoever wrote them has to write the new one. Said, not changed. */
export const warnOfCopies = defineStep<PublishedCa>({
  kind: 'kube.warn-of-ca-copies',
  title: () => 'Look for copies of the CA in webhooks and aggregated APIs',
  recheck: false,
  async precheck(ctx, { authority }) {
    const kinds = 'validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices';
    const { stdout } = await ctx.host.run(kubectl(['get', kinds, '-o', 'json']), { signal: ctx.signal });
    const copy = (await readFile(authority)).toString('base64').replace(/=+$/, '').slice(0, -4);
    const { items } = JSON.parse(stdout) as { items: { kind: string; metadata: { name: string } }[] };
    const found = items.filter((item) => JSON.stringify(item).includes(copy));
    for (const { kind, metadata } of found)
      ctx.log('warn', `${kind} ${metadata.name} has the old CA as its caBundle: give it the new one`);
    return satisfied(found.length === 0 ? 'there is none' : `${found.length} have one`);
  },
  run: () => Promise.resolve(),
});
