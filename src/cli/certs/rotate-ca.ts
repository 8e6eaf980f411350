import { resolve } from 'node:path';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError, unreachable } from '../../errors/index.js';
import {
  certificatesOf,
  dropOldServiceAccountKeys,
  nodesOf,
  type ObservedCertificate,
  type rotatable,
  rotateAuthority,
  rotateServiceAccount,
  rotationPass,
  rotationStages,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import type { Io } from '../io.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';

type Which = (typeof rotatable)[number];

interface RotateOptions extends OperationOptions {
  readonly cert?: string;
  readonly key?: string;
  readonly dropOld?: boolean;
}

interface Observed {
  readonly certificates: readonly ObservedCertificate[];
  readonly nodes: readonly string[];
}

/** The user's own files for the CA that is to come, by absolute paths. */
interface Source {
  readonly source?: { readonly cert: string; readonly key: string };
}

/** `kubexm certs rotate-ca [cluster|front-proxy|etcd|service-account]` */
export async function run({ options, args: [name = 'cluster'], io }: Invocation<RotateOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const own = sourceOf(options, io);
  if (name === 'service-account') {
    if (own.source === undefined) return await rotateKey(cluster, options, io);
    throw new KubexmError('USAGE', '--cert and --key are for CAs: the key of service accounts has no certificate');
  }
  if (options.dropOld === true)
    throw new KubexmError('USAGE', '--drop-old is for service-account: a rotation of a CA drops the old one itself');
  // The choices of the argument are these words.
  const which = name as Which;
  let stages: readonly string[] = [];
  const { exitCode } = await runOperation<Observed>({
    cluster,
    options,
    io,
    name: [`certs rotate-ca ${which}`, ...named(own)].join(' '),
    async read(runtime) {
      const certificates = await readCluster(runtime, certificatesOf);
      const { objects } = await readCluster(runtime, nodesOf({ certificates: false }));
      return { certificates, nodes: (objects ?? []).map(({ metadata }) => metadata.name) };
    },
    plan(ctx, observed) {
      stages = rotationStages(ctx, { which, ...observed });
      return rotateAuthority({ which, ...observed, ...own }).plan(ctx);
    },
    summary: (graph, { certificates }) =>
      [
        `${stageText(rotationPass({ which, certificates }), own)}: ${sizeOf(graph)}`,
        ...stages.map((stage) => `  ${stage}`),
        `  ${effectText(which)}`,
      ].join('\n'),
    question: () => ({
      lines: [],
      question: `Rotate the CA (${which}) of cluster ${cluster.metadata.name}?`,
    }),
    next: () => 'Next: kubexm certs list; kubexm certs export FILE, since earlier archives have the old CA',
  });
  return exitCode;
}

/** The key that signs the tokens of service accounts has no certificate: its old public half stays until it is dropped. */
async function rotateKey(cluster: Cluster, options: RotateOptions, io: Io): Promise<number> {
  const drop = options.dropOld === true;
  const { exitCode } = await runOperation<undefined>({
    cluster,
    options,
    io,
    name: `certs rotate-ca service-account${drop ? ' --drop-old' : ''}`,
    plan: (ctx) => (drop ? dropOldServiceAccountKeys : rotateServiceAccount).plan(ctx),
    summary: (graph) =>
      drop
        ? `Tokens that earlier keys signed are good no more: ${sizeOf(graph)}`
        : `Apiservers take tokens of both keys, then all sign with the new one: ${sizeOf(graph)}\n  Apiservers are restarted twice, one after the other.`,
    question: () => ({
      lines: [],
      question: drop
        ? `Drop the earlier keys of service accounts of cluster ${cluster.metadata.name}?`
        : `Rotate the key of service accounts of cluster ${cluster.metadata.name}?`,
    }),
    next: () => (drop ? '' : 'Next, in two hours: kubexm certs rotate-ca service-account --drop-old'),
  });
  return exitCode;
}

function sourceOf({ cert, key }: RotateOptions, io: Io): Source {
  if (cert === undefined && key === undefined) return {};
  if (cert !== undefined && key !== undefined)
    return { source: { cert: resolve(io.cwd, cert), key: resolve(io.cwd, key) } };
  throw new KubexmError('USAGE', `${cert === undefined ? '--key' : '--cert'} is given alone: a CA has both files`, {
    hint: 'kubexm certs rotate-ca --cert FILE --key FILE',
  });
}

function named({ source }: Source): readonly string[] {
  return source === undefined ? [] : ['--cert', source.cert, '--key', source.key];
}

function stageText(pass: ReturnType<typeof rotationPass>, { source }: Source): string {
  switch (pass) {
    case 'begin':
      return source === undefined ? 'A new CA' : `The CA ${source.cert} takes the place of the one that is there`;
    case 'trust':
      return 'The rotation that has begun goes on';
    case 'drop':
      return 'Everything is signed by the new CA already; the old one goes';
    default:
      return unreachable(pass);
  }
}

function effectText(which: Which): string {
  switch (which) {
    case 'cluster':
      return 'Pods go on. Kubeconfigs that you gave to others end with the old CA.';
    case 'front-proxy':
    case 'etcd':
      return 'Pods and kubeconfigs are not touched.';
    default:
      return unreachable(which);
  }
}
