import { hostPaths } from '../../common/host-paths.js';
import { type After, CONTROL_NODE, type Draft, draft, type Ref } from '../../plan/index.js';
import {
  chainFile,
  dropOldKeys,
  generateKeyPair,
  guardOldTokens,
  knowsServiceAccountKey,
  promoteCa,
  type StepContext,
} from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { uploadSmallFile } from '../pki.js';
import { restartPod } from './control-plane.js';

const { kubernetesPki } = hostPaths;

function pairs({ workDirs }: PlanContext) {
  const file = (name: string) => `${workDirs.getCertsDir('kubernetes')}/${name}`;
  return {
    current: { privateKey: file('sa.key'), publicKey: file('sa.pub') },
    next: { privateKey: file('sa-next.key'), publicKey: file('sa-next.pub') },
    previous: { cert: file('sa-previous.pub'), key: file('sa-previous.key') },
    both: file('sa-next-both.pub'),
  };
}

/** A pod's token is renewed after 48 minutes; twice that, and some. */
const tokenSeconds = 2 * 3600;

/** What must be known before anything changes: the control planes take tokens of the keys of this machine. */
export const requireServiceAccountKey = defineTask('require-key', (ctx) => {
  const g = draft<StepContext>('require-key');
  const path = `${kubernetesPki}/sa.pub`;
  const { publicKey } = pairs(ctx).current;
  g.add('known', hostsWithRole(ctx, 'control-plane'), knowsServiceAccountKey({ path, publicKey }));
  return g.done();
});

/** The key has signed long enough for pods to have tokens of it. */
export const requireNewTokens = defineTask('require-new-tokens', (ctx) => {
  const g = draft<StepContext>('require-new-tokens');
  const path = `${kubernetesPki}/sa.key`;
  g.add('age', hostsWithRole(ctx, 'control-plane'), guardOldTokens({ path, minSeconds: tokenSeconds }));
  return g.done();
});

/**
 * Another key for the tokens of service accounts: first every apiserver takes tokens of both, then all sign with the new one.
 * The old one's tokens stay good until `dropServiceAccountKeys`.
 */
export const rotateServiceAccountKey = defineTask('rotate', (ctx) => {
  const { current, next, previous, both } = pairs(ctx);
  const g = draft<StepContext>('rotate');
  const made = g.add('next', [CONTROL_NODE], generateKeyPair({ ...next, rotating: true }));
  // The new one first: it is the one that belongs to the private key from now on.
  const bundle = chainFile({ path: both, parts: [next.publicKey, current.publicKey] });
  const together = g.add('both', [CONTROL_NODE], bundle, { after: made });
  const taken = bring(g, ctx, 'both', { source: both, file: 'sa.pub', mode: 0o644, after: together });
  const signed = bring(g, ctx, 'new', { source: next.privateKey, file: 'sa.key', mode: 0o600, after: taken });
  const step = promoteCa({
    current: { cert: current.publicKey, key: current.privateKey },
    next: { cert: both, key: next.privateKey },
    previous,
    also: [next.publicKey],
  });
  g.add('promote', [CONTROL_NODE], step, { after: signed });
  return g.done();
});

/** Tokens that earlier keys signed are good no more. */
export const dropServiceAccountKeys = defineTask('drop', (ctx) => {
  const { current } = pairs(ctx);
  const g = draft<StepContext>('drop');
  const dropped = g.add('one-key', [CONTROL_NODE], dropOldKeys(current));
  bring(g, ctx, 'new', { source: current.publicKey, file: 'sa.pub', mode: 0o644, after: dropped });
  return g.done();
});

/** To all control planes; then what reads it when it starts is restarted, one control plane after the other. */
function bring(
  g: Draft<StepContext>,
  ctx: PlanContext,
  pass: string,
  {
    source,
    file,
    mode,
    after,
  }: { readonly source: string; readonly file: string; readonly mode: number; readonly after: After },
): After {
  const target = `${kubernetesPki}/${file}`;
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const uploaded: Ref = g.add(`upload-${pass}`, controlPlanes, uploadSmallFile({ source, target, mode }), { after });
  let turn: After = uploaded;
  for (const host of controlPlanes)
    for (const component of readers(file)) {
      turn = g.add(`${pass}-${component}-${host}`, [host], restartPod(ctx, host, component, [target]), { after: turn });
    }
  return turn;
}

function readers(file: string): readonly string[] {
  return file === 'sa.key' ? ['kube-apiserver', 'kube-controller-manager'] : ['kube-apiserver'];
}
