import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { diskFull, type ShellCommand, script, sh } from '../../runner/index.js';
import type { Secret } from '../../secrets/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';

const unit = 'kubexm-kubeadm.service';
const config = '/run/kubexm/kubeadm.yaml';

/** True while a kubeadm that kubexm started is at work on the host, also one of an earlier run. */
export async function kubeadmAtWork({ host, signal }: StepContext): Promise<boolean> {
  const { stdout } = await host.run(sh`systemctl show -p ActiveState --value ${unit}`, { signal });
  return ['active', 'activating', 'deactivating'].includes(stdout.trim());
}

/** Waits for the kubeadm of an earlier run: two at once would undo each other's work. */
export async function awaitKubeadm(ctx: StepContext, timeoutMs = 300_000): Promise<void> {
  const answer = await pollUntil(async () => ({ done: !(await kubeadmAtWork(ctx)) }), {
    timeoutMs,
    intervalMs: 500,
    signal: ctx.signal,
  });
  if (!answer.done) {
    throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: a kubeadm of an earlier run does not come to an end`, {
      hint: `on ${ctx.host.name}: systemctl status ${unit}`,
    });
  }
}

/**
 * Runs kubeadm as a transient unit, apart from the SSH session: it comes to its end when the connection breaks or kubexm
 * is killed, and is never left half-way by that. Its output is a 0600 file on the host; the configuration, which holds the
 * token, lies on a tmpfs and is removed at the end. `marker`, where given, is touched on success.
 */
export async function runKubeadm(
  { host, signal }: StepContext,
  {
    args,
    configuration,
    log,
    marker,
  }: {
    readonly args: readonly string[];
    /** Absent: kubeadm is called without one. */
    readonly configuration?: Secret;
    readonly log: string;
    readonly marker?: string;
  },
): Promise<void> {
  const logFile = `${hostPaths.log}/${log}`;
  const inner = sh`umask 077; ${hostPaths.bin}/kubeadm ${args} ${configuration === undefined ? [] : [`--config=${config}`]} >${logFile} 2>&1; rc=$?; rm -f ${config}; ${marker === undefined ? sh`:` : sh`if [ $rc -eq 0 ]; then mkdir -p /var/lib/kubexm && touch ${marker}; fi`}; exit $rc`;
  const command = sh`umask 077; mkdir -p /run/kubexm ${hostPaths.log} && ${configuration === undefined ? sh`rm -f ${config}` : received(configuration)} && { systemctl reset-failed ${unit} 2>/dev/null || true; } && systemd-run --quiet --collect --wait --unit=${unit} --setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c ${inner.text}`;
  const { exitCode, stderr } = await host.tryRun(command, {
    ...(configuration === undefined ? {} : { stdin: configuration, secrets: [configuration] }),
    signal,
    long: true,
  });
  if (exitCode === 0) return;
  const { stdout } = await host.tryRun(script(`tail -n 25 ${logFile} 2>/dev/null`), { signal });
  const details = [`kubeadm ${args.join(' ')}`, ...(stdout.trim() === '' ? stderr : stdout).trim().split('\n')];
  const full = diskFull(host.name, `${stderr}\n${stdout}`, details);
  if (full) throw full;
  throw new KubexmError('COMMAND_FAILED', `${host.name}: kubeadm ${args[0] ?? ''} failed with exit code ${exitCode}`, {
    details,
    hint: `on ${host.name}: less ${logFile}; journalctl -u kubelet -n 50; then run the same command again`,
  });
}

/** A kubexm that is killed while it sends ends the input too early: kubeadm never goes by the half of its configuration. */
function received(configuration: Secret): ShellCommand {
  const bytes = Buffer.byteLength(configuration.reveal());
  return sh`cat >${config} && [ "$(wc -c <${config})" -eq ${bytes} ]`;
}
