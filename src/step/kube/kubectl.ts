import { hostPaths } from '../../common/host-paths.js';
import { type ShellCommand, sh } from '../../runner/index.js';
import { renderText } from '../common/render.js';
import type { SecretRef, StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';

/** kubectl as the administrator, on a control plane host. */
export function kubectl(args: readonly string[]): ShellCommand {
  return sh`${hostPaths.bin}/kubectl --kubeconfig=${hostPaths.adminKubeconfig} --request-timeout=30s ${args}`;
}

/** The names of all nodes that have registered. */
export async function nodeNames({ host, signal }: StepContext): Promise<ReadonlySet<string>> {
  const { stdout } = await host.run(kubectl(['get', 'nodes', '-o', 'name']), { signal });
  return new Set(stdout.split('\n').map((line) => line.trim().replace('node/', '')));
}

/** A manifest by its text, or a template of templates/ with its data. */
export type KubectlApply = { readonly name: string } & (
  | { readonly manifest: string }
  | { readonly template: string; readonly data: { readonly [key: string]: string | number | boolean } }
);

/** Server-side apply with its own field manager; what others set on the same objects stays theirs. */
export const kubectlApply = defineStep<KubectlApply>({
  kind: 'kubectl.apply',
  title: (p) => `Apply ${p.name}`,
  policy: { attempts: 3, backoffMs: 1000 },
  // The exit code of apply is the API's own answer; asking with diff again tells nothing more.
  recheck: false,
  async precheck(ctx, p) {
    const manifest = await manifestText(ctx, p);
    const diff = await ctx.host.tryRun(
      kubectl(['diff', '--server-side', '--force-conflicts', '--field-manager=kubexm', '-f', '-']),
      { stdin: manifest, signal: ctx.signal },
    );
    if (diff.exitCode === 0) return satisfied('the objects are as in the manifest');
    if (diff.exitCode === 1) return needed('the objects differ from the manifest');
    // Objects of a namespace that does not exist yet cannot be compared.
    return needed(`cannot be compared yet: ${diff.stderr.trim().split('\n').at(-1) ?? ''}`);
  },
  async run(ctx, p) {
    const manifest = await manifestText(ctx, p);
    await ctx.host.run(kubectl(['apply', '--server-side', '--force-conflicts', '--field-manager=kubexm', '-f', '-']), {
      stdin: manifest,
      signal: ctx.signal,
    });
  },
});

/** `nodes`: who is still to join with this token. */
export interface BootstrapToken {
  readonly token: SecretRef;
  readonly nodes: readonly string[];
  /** How long the token lets nodes join. */
  readonly hours: number;
}

/** Makes the cluster know the bootstrap token, unless everyone who needs it is a node already. */
export const applyBootstrapToken = defineStep<BootstrapToken>({
  kind: 'kube.bootstrap-token',
  title: () => 'Make the bootstrap token valid',
  policy: { attempts: 3, backoffMs: 1000 },
  recheck: false,
  async precheck(ctx, p) {
    const nodes = await nodeNames(ctx);
    if (p.nodes.every((name) => nodes.has(name))) return satisfied('all nodes have joined');
    const id = (await ctx.secret(p.token)).reveal().split('.')[0] ?? '';
    const found = await ctx.host.tryRun(
      kubectl(['-n', 'kube-system', 'get', 'secret', `bootstrap-token-${id}`, '-o', 'jsonpath={.data.expiration}']),
      { signal: ctx.signal },
    );
    if (found.exitCode !== 0) return needed('the cluster does not know the token');
    const left = Date.parse(Buffer.from(found.stdout, 'base64').toString()) - Date.now();
    return left > 1_800_000
      ? satisfied(`the token is valid for ${Math.floor(left / 60_000)} more minutes`)
      : needed('the token is about to expire');
  },
  async run(ctx, p) {
    const token = (await ctx.secret(p.token)).reveal();
    const [id = '', secret = ''] = token.split('.');
    const manifest = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
      stringData: {
        'token-id': id,
        'token-secret': secret,
        expiration: new Date(Date.now() + p.hours * 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z'),
        'usage-bootstrap-authentication': 'true',
        'usage-bootstrap-signing': 'true',
        'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      },
    };
    await ctx.host.run(kubectl(['apply', '--server-side', '--force-conflicts', '--field-manager=kubexm', '-f', '-']), {
      stdin: JSON.stringify(manifest),
      signal: ctx.signal,
    });
  },
});

async function manifestText(ctx: { template(name: string): Promise<string> }, p: KubectlApply): Promise<string> {
  return 'manifest' in p
    ? p.manifest
    : await renderText({ name: p.template, text: await ctx.template(p.template), data: p.data });
}
