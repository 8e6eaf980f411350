import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { type ClusterGraph, graphToJson, graphToText } from '../../src/pipeline/index.js';
import type { Json, PlanNodeJson } from '../../src/plan/index.js';

type PlanJob = PlanNodeJson['jobs'][number];

/** A plan as text to read and to compare: what is done where, what it waits for, and what the hosts are given. */
export function planText(graph: ClusterGraph): string {
  const plan = graphToJson(graph);
  // Shared work is waited for where it is made, except for the artifacts, which all come first.
  const first = plan.nodes
    .filter(({ id, after }) => after.length === 0 && !id.startsWith('/pki/'))
    .map(({ id }) => id);
  const sections = [
    ['What is done, and where', graphToText(graph)],
    ['What it waits for (~: each host on its own), and a digest of its params', plan.nodes.map((node) => nodeText(node, first)).join('')],
    ['Files and documents', plan.nodes.flatMap(({ jobs }) => documentsOf(jobs)).join('\n')],
  ];
  return sections.map(([title, text]) => `# ${title}\n\n${text}`).join('\n');
}

/** What waits for all of preflight says so in one line. */
function nodeText({ id, after, jobs }: PlanNodeJson, first: readonly string[]): string {
  const barriers = new Set(after.filter(({ kind }) => kind === 'barrier').map(({ node }) => node));
  const gated = first.every((node) => barriers.has(node));
  const shown = gated ? after.filter(({ node }) => !first.includes(node)) : after;
  const before = [
    ...(gated ? ['  < all of preflight\n'] : []),
    ...shown.map(({ node, kind }) => `  ${kind === 'sameHost' ? '~' : '<'} ${node}\n`),
  ];
  const params = jobs.map(({ kind, params: of, uses = [], policy = {} }) => ({ kind, of, uses, policy }));
  const digest = createHash('sha256').update(JSON.stringify(params)).digest('hex').slice(0, 12);
  return `${id}  ${digest}\n${before.join('')}`;
}

/** Hosts that get the same share one text. */
function documentsOf(jobs: readonly PlanJob[]): string[] {
  const hostsByText = new Map<string, string[]>();
  for (const { host, kind, params } of jobs) {
    const text = documentText(kind, params as Readonly<Record<string, Json>>);
    if (text !== undefined) hostsByText.set(text, [...(hostsByText.get(text) ?? []), host]);
  }
  return [...hostsByText].map(([text, hosts]) => `## ${hosts.join(', ')}: ${text}`);
}

function documentText(kind: string, params: Readonly<Record<string, Json>>): string | undefined {
  switch (kind) {
    case 'file.write': {
      const { content, target } = params;
      const parts = Array.isArray(content) ? content : [content];
      return `${typeof target === "string" ? target : ""}\n\n${parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('')}`;
    }
    case 'system.hosts-file':
    case 'kernel.sysctl':
    case 'preflight.host':
    case 'preflight.reach':
    case 'etcd.config':
    case 'etcd.health':
    case 'cri.pull-images':
    case 'kubeadm.init':
    case 'kubeadm.join':
    case 'kubectl.apply':
    case 'kube.nodes':
    case 'kube.verify':
      return `${kind}\n\n${stringify(params, { lineWidth: 0, aliasDuplicateObjects: false })}`;
    default:
      return undefined;
  }
}
