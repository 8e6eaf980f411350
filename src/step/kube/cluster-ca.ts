import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
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

/** Waits until the controller manager gives pods exactly this CA, in the ConfigMap kube-root-ca.crt of each namespace. */
export const podsTrust = defineStep<PublishedCa>({
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

async function notGiven({ host, signal }: StepContext, { authority }: PublishedCa): Promise<string | undefined> {
  const answer = await host.tryRun(
    kubectl(['get', 'configmaps', '-A', '--field-selector=metadata.name=kube-root-ca.crt', '-o', 'json']),
    { signal },
  );
  if (answer.exitCode !== 0) return `the API does not answer: ${answer.stderr.trim().split('\n').at(-1) ?? ''}`;
  const wanted = (await readFile(authority, 'utf8')).trim();
  const { items } = JSON.parse(answer.stdout) as {
    items: { metadata: { namespace: string }; data?: Record<string, string> }[];
  };
  const others = items.filter(({ data }) => data?.['ca.crt']?.trim() !== wanted);
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

async function isPublished({ host, signal }: StepContext, { authority }: PublishedCa): Promise<boolean> {
  const { exitCode, stdout } = await host.tryRun(
    kubectl(['-n', 'kube-system', 'get', 'configmap', 'extension-apiserver-authentication', '-o', 'json']),
    { signal },
  );
  if (exitCode !== 0) return false;
  const { data } = JSON.parse(stdout) as { data?: Record<string, string> };
  return data?.['requestheader-client-ca-file']?.includes((await readFile(authority, 'utf8')).trim()) === true;
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
