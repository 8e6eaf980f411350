import { hostPaths } from '../../common/host-paths.js';
import { kubernetesPrograms } from '../../common/kubernetes-programs.js';
import { asError, KubexmError } from '../../errors/index.js';
import type { Output } from '../../plan/index.js';
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
  /** Names of kubeadm's checks that are only warnings on this host. */
  readonly ignorePreflightErrors?: readonly string[];
}

/** An upgrade of a kubelet that has begun and not ended: what to go back to. */
interface Mark {
  readonly from: string;
  readonly to: string;
  readonly files: KubeletTexts;
  /** The new one serves; whether its node gets Ready is yet to be seen. */
  readonly up?: true;
}

/**
 * Takes the kubelet of one node to another version: its program is swapped, its files are written, it is restarted and watched.
 * One that does not come up goes back to the old program with its old files. A mark on the host says that this has begun; it
 * stays until `settleKubelet`.
 */
export const upgradeKubelet = defineStep<UpgradeKubelet>({
  kind: 'kube.upgrade-kubelet',
  title: (p) => `Upgrade the kubelet of ${p.nodeName} to ${p.to}`,
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 900_000 },
  async precheck(ctx, p) {
    const [{ installed, running }, mark] = await Promise.all([kubeletVersions(ctx), readMark(ctx)]);
    if (mark && mark.up !== true) return needed(`an upgrade from ${mark.from} to ${mark.to} was not finished`);
    if (installed === p.to && running === p.to) return satisfied(`runs ${p.to}`);
    return needed(`runs ${running ?? 'not'}; the program in place is ${installed ?? 'missing'}`);
  },
  async run(ctx, p) {
    await awaitKubeadm(ctx);
    const mark = await begin(ctx, p);
    let failed = `its upgrade to ${p.to} does not go through`;
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
      failed = `the kubelet ${p.to} does not come up`;
      const answer = await restartedKubelet(ctx, p);
      if (!answer.done) throw new KubexmError('WAIT_TIMEOUT', `the kubelet does not come up: ${answer.because}`);
    } catch (error) {
      // Whoever stops the run decides what comes next; the mark takes it up again.
      if (ctx.signal.aborted) throw error;
      const cause = asError(error);
      const said = cause instanceof KubexmError ? cause.details : [];
      throw await goBack(ctx, { p, mark, failed, details: [cause.message, ...said], cause });
    }
    await writeMark(ctx, { ...mark, up: true });
  },
});

/** `ready`: empty where the API has seen the node Ready with the new kubelet, else what it says of it. */
export interface SettleKubelet extends UpgradeKubelet {
  readonly ready: Output<string>;
}

/**
 * The end of `upgradeKubelet`: with its node Ready there is nothing to go back to any more. A kubelet that serves and whose node
 * does not get Ready goes back to the old program with its old files.
 */
export const settleKubelet = defineStep<SettleKubelet>({
  kind: 'kube.settle-kubelet',
  title: (p) => `Keep the kubelet ${p.to} of ${p.nodeName} where its node is Ready`,
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 600_000 },
  async precheck(ctx, p) {
    const mark = await readMark(ctx);
    const because = ctx.read(p.ready);
    if (mark) return needed(because === '' ? 'its node is Ready' : `its node is not Ready: ${because}`);
    if (because === '') return satisfied('no upgrade of it is open');
    throw new KubexmError('WAIT_TIMEOUT', `${p.nodeName} does not become Ready`, {
      details: [because],
      hint: `on ${p.nodeName}: journalctl -u kubelet -n 50; then run the same command again`,
      retryable: false,
    });
  },
  async run(ctx, p) {
    const mark = await readMark(ctx);
    const because = ctx.read(p.ready);
    if (mark && because !== '') {
      const failed = `its node does not get Ready with the kubelet ${p.to}`;
      throw await goBack(ctx, { p, mark, failed, details: [because] });
    }
    await stampKubelet(ctx, kubeletInputs(p.documents));
    await ctx.host.remove(kubernetesPrograms.mark, { signal: ctx.signal });
  },
});

/** Notes what to go back to; an upgrade that was interrupted goes back to what it began with. */
async function begin(ctx: StepContext, p: UpgradeKubelet): Promise<Mark> {
  const { host } = ctx;
  const open = await readMark(ctx);
  if (open) {
    const mark: Mark = { from: open.from, to: p.to, files: open.files };
    await writeMark(ctx, mark);
    return mark;
  }
  const { installed, running } = await kubeletVersions(ctx);
  const from = running ?? installed;
  if (from === undefined) {
    throw new KubexmError('GUARD_REFUSED', `${host.name} has no kubelet that could be upgraded`, {
      hint: `on ${host.name}: systemctl status kubelet; an upgrade begins with all nodes Ready`,
      retryable: false,
    });
  }
  const mark: Mark = { from, to: p.to, files: await readKubeletFiles(ctx) };
  await writeMark(ctx, mark);
  return mark;
}

function writeMark({ host, signal }: StepContext, mark: Mark): Promise<void> {
  return host.writeFile(kubernetesPrograms.mark, `${JSON.stringify(mark)}\n`, { mode: 0o600, signal });
}

/** The node's part of kubeadm's upgrade; control planes have had theirs with their static pods. */
async function upgradeNode(ctx: StepContext, { to, ignorePreflightErrors }: UpgradeKubelet): Promise<void> {
  const { args, document } = upgradeArguments({
    verb: 'node',
    to,
    certificateRenewal: true,
    ...(ignorePreflightErrors === undefined ? {} : { ignorePreflightErrors }),
  });
  await runKubeadm(ctx, {
    args,
    ...(document === undefined ? {} : { configuration: new Secret(await documentsText([document])) }),
    log: 'kubeadm-upgrade.log',
  });
}

/** Puts program and files back, and says what has become of the node either way. `failed`: in words, of the new kubelet. */
async function goBack(
  ctx: StepContext,
  {
    p,
    mark,
    failed,
    details,
    cause,
  }: {
    readonly p: UpgradeKubelet;
    readonly mark: Mark;
    readonly failed: string;
    readonly details: readonly string[];
    readonly cause?: Error;
  },
): Promise<KubexmError> {
  const { host, signal } = ctx;
  const words = await host.tryRun(sh`journalctl -u kubelet -n 8 --no-pager -o cat`, { signal });
  ctx.log('warn', `${failed}: ${mark.from} is put back`);
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
  return new KubexmError('COMMAND_FAILED', `${host.name}: ${failed}; ${outcome}`, {
    details: [...details, ...words.stdout.trim().split('\n')],
    hint: `on ${host.name}: journalctl -u kubelet -n 50; the node stays cordoned and nothing else is touched; then run the same command again (programs: ${hostPaths.bin}/kubelet, ${kubernetesPrograms.previousKubelet})`,
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Undefined where no upgrade is under way. Throws where the file cannot be read as a mark. */
async function readMark({ host, signal }: StepContext): Promise<Mark | undefined> {
  const text = await host.readFile(kubernetesPrograms.mark, { signal });
  if (text === undefined) return undefined;
  try {
    const { from, to, files, up } = JSON.parse(text) as Partial<Mark>;
    if (from !== undefined && to !== undefined && files !== undefined)
      return { from, to, files, ...(up === true ? { up } : {}) };
  } catch {
    // Told below.
  }
  throw new KubexmError('COMMAND_FAILED', `${host.name}: ${kubernetesPrograms.mark} is no mark of an upgrade`, {
    hint: `on ${host.name}: ${hostPaths.bin}/kubelet --version tells which version is in place; remove the file and run again`,
    retryable: false,
  });
}
