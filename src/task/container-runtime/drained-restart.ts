import { type After, type HostName, output, type Ref, sameHost } from '../../plan/index.js';
import { cordonNode, drainNode, type RestartService, restartPending, uncordonNode } from '../../step/index.js';
import type { PlanContext } from '../context.js';
import { speakerBeside } from '../kubernetes/init-host.js';
import type { RuntimeDraft } from './common.js';
import { runtimeOf } from './runtime-hosts.js';

/** Who has cordoned a node, as it says there. */
const operation = 'cluster create';

/** How long the pods of one node may take to go, budgets included. */
const drainSeconds = 600;

/** Nodes whose pods move away before their runtime restarts. docker's do not: its packages restart it as they like. */
export function isDrained(ctx: PlanContext, host: HostName): boolean {
  const runtime = runtimeOf(ctx, host);
  return runtime.type === 'containerd' && runtime.containerd.drainBeforeRestart;
}

/** Moves the pods away, where this restart is to come; gives what it waits for. */
export function drainedFirst(
  { g, ctx, hosts, drains }: Pick<RuntimeDraft<never>, 'g' | 'ctx' | 'hosts' | 'drains'>,
  { restart, after }: { readonly restart: RestartService; readonly after: readonly Ref[] },
): readonly Ref[] {
  const drained = hosts.filter((host) => drains && isDrained(ctx, host));
  return drained.map((node) => {
    const when = output<string>(`restart-pending:${restart.service}:${node}`);
    const speaker = speakerBeside(ctx, [node]);
    const asked = g.add(`restart-pending-${node}`, [node], restartPending({ ...restart, output: when }), {
      after: sameHost(after),
    });
    const cordoned = g.add(`cordon-${node}`, [speaker], cordonNode({ node, operation, when }), { after: asked });
    return g.add(
      `drain-${node}`,
      [speaker],
      drainNode({ node, timeoutSeconds: drainSeconds, putBack: operation, when }),
      {
        after: cordoned,
      },
    );
  });
}

/** They take pods again. */
export function undrained({ g, ctx, hosts }: Pick<RuntimeDraft<never>, 'g' | 'ctx' | 'hosts'>, after: After): void {
  for (const node of hosts.filter((host) => isDrained(ctx, host))) {
    g.add(`uncordon-${node}`, [speakerBeside(ctx, [node])], uncordonNode({ node }), { after });
  }
}
