import { hostPaths } from '../../common/host-paths.js';
import { kubernetesPrograms } from '../../common/kubernetes-programs.js';
import { asError, KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { documentsText, kubeletInputs } from './kubeadm-documents.js';
import { awaitKubeadm, runKubeadm } from './kubeadm-unit.js';
import {
  type KubeletTexts,
  kubeletDifference,
  type ReconcileKubelet,
  readKubeletFiles,
  restartedKubelet,
  stampKubelet,
  writeKubeletFiles,
} from './kubelet.js';
import { kubeletVersions, placeKubernetesProgram } from './kubernetes-programs.js';
import { upgradeArguments } from './upgrade-arguments.js';

/** `to`: with v; its kubeadm is in place, its kubelet is staged. `documents`: as of `to`. */
export interface UpgradeKubelet extends ReconcileKubelet {
  readonly to: string;
}

/** An upgrade of a kubelet that has begun and not ended: what to go back to. */
interface Mark {
  readonly from: string;
  readonly to: string;
  readonly files: KubeletTexts;
}

/**
 * Takes the kubelet of one node to another version: its program is swapped, its files are written, it is restarted and watched.
 * One that does not come up goes back to the old program with its old files. A mark on the host says that this has begun.
 */
export const upgradeKubelet = defineStep<UpgradeKubelet>({
  kind: 'kube.upgrade-kubelet',
  title: (p) => `Upgrade the kubelet of ${p.nodeName} to ${p.to}`,
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 900_000 },
  async precheck(ctx, p) {
    const [{ installed, running }, mark] = await Promise.all([kubeletVersions(ctx), readMark(ctx)]);
    if (mark) return needed(`an upgrade from ${mark.from} to ${mark.to} was not finished`);
    if (installed === p.to && running === p.to) return satisfied(`runs ${p.to}`);
    return needed(`runs ${running ?? 'not'}; the program in place is ${installed ?? 'missing'}`);
  },
  async run(ctx, p) {
    await awaitKubeadm(ctx);
    const mark = (await readMark(ctx)) ?? (await begin(ctx, p));
    try {
      const { installed } = await kubeletVersions(ctx);
      if (installed !== p.to) {
        // What an interrupted upgrade has put in place never ran: it is not what this node goes back to.
        const keep = installed === mark.from ? { keep: kubernetesPrograms.previousKubelet } : {};
        const from = `${kubernetesPrograms.staged(p.to)}/kubelet`;
        await placeKubernetesProgram(ctx, { from, name: 'kubelet', ...keep });
      }
      if (p.role === 'worker') await upgradeNode(ctx, p);
      await writeKubeletFiles(ctx, (await kubeletDifference(ctx, p)).wanted);
      const answer = await restartedKubelet(ctx, p);
      if (!answer.done) throw new KubexmError('WAIT_TIMEOUT', `the kubelet does not come up: ${answer.because}`);
    } catch (error) {
      // Whoever stops the run decides what comes next; the mark takes it up again.
      if (ctx.signal.aborted) throw error;
      throw await goBack(ctx, { p, mark, cause: asError(error) });
    }
    await stampKubelet(ctx, kubeletInputs(p.documents));
    await ctx.host.remove(kubernetesPrograms.mark, { signal: ctx.signal });
  },
});

async function begin(ctx: StepContext, p: UpgradeKubelet): Promise<Mark> {
  const { host, signal } = ctx;
  const { installed, running } = await kubeletVersions(ctx);
  const from = running ?? installed;
  if (from === undefined) {
    throw new KubexmError('GUARD_REFUSED', `${host.name} has no kubelet that could be upgraded`, {
      hint: `on ${host.name}: systemctl status kubelet; an upgrade begins with all nodes Ready`,
      retryable: false,
    });
  }
  const mark: Mark = { from, to: p.to, files: await readKubeletFiles(ctx) };
  await host.writeFile(kubernetesPrograms.mark, `${JSON.stringify(mark)}\n`, { mode: 0o600, signal });
  return mark;
}

/** The node's part of kubeadm's upgrade; control planes have had theirs with their static pods. */
async function upgradeNode(ctx: StepContext, { to }: UpgradeKubelet): Promise<void> {
  const { args, document } = upgradeArguments({ verb: 'node', to, certificateRenewal: true });
  await runKubeadm(ctx, {
    args,
    ...(document === undefined ? {} : { configuration: new Secret(await documentsText([document])) }),
    log: 'kubeadm-upgrade.log',
  });
}

/** Puts program and files back, and says what has become of the node either way. */
async function goBack(
  ctx: StepContext,
  { p, mark, cause }: { readonly p: UpgradeKubelet; readonly mark: Mark; readonly cause: Error },
): Promise<KubexmError> {
  const { host, signal } = ctx;
  const words = await host.tryRun(sh`journalctl -u kubelet -n 8 --no-pager -o cat`, { signal });
  const said = cause instanceof KubexmError ? cause.details : [];
  const details = [cause.message, ...said, ...words.stdout.trim().split('\n')];
  ctx.log('warn', `the kubelet ${p.to} does not come up: ${mark.from} is put back`);
  let outcome = `${mark.from} was put back and works`;
  try {
    const { installed } = await kubeletVersions(ctx);
    if (installed !== mark.from)
      await placeKubernetesProgram(ctx, { from: kubernetesPrograms.previousKubelet, name: 'kubelet' });
    await writeKubeletFiles(ctx, mark.files);
    const again = await restartedKubelet(ctx, p);
    if (again.done) await host.remove(kubernetesPrograms.mark, { signal });
    else outcome = `${mark.from} was put back, but: ${again.because}`;
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    outcome = `${mark.from} could not be put back: ${asError(error).message}`;
  }
  return new KubexmError('COMMAND_FAILED', `${host.name}: the kubelet ${p.to} does not come up; ${outcome}`, {
    details,
    hint: `on ${host.name}: journalctl -u kubelet -n 50; the node stays cordoned and nothing else is touched; then run the same command again (programs: ${hostPaths.bin}/kubelet, ${kubernetesPrograms.previousKubelet})`,
    retryable: false,
    cause,
  });
}

/** Undefined where no upgrade is under way. Throws where the file cannot be read as a mark. */
async function readMark({ host, signal }: StepContext): Promise<Mark | undefined> {
  const text = await host.readFile(kubernetesPrograms.mark, { signal });
  if (text === undefined) return undefined;
  try {
    const { from, to, files } = JSON.parse(text) as Partial<Mark>;
    if (from !== undefined && to !== undefined && files !== undefined) return { from, to, files };
  } catch {
    // Told below.
  }
  throw new KubexmError('COMMAND_FAILED', `${host.name}: ${kubernetesPrograms.mark} is no mark of an upgrade`, {
    hint: `on ${host.name}: ${hostPaths.bin}/kubelet --version tells which version is in place; remove the file and run again`,
    retryable: false,
  });
}
