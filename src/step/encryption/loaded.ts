import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { kubectl } from '../kube/kubectl.js';

/** kube-apiserver looks at the file once a minute. */
const pollMs = 60_000;

/** Undefined where the apiserver works with the file of this digest; else what is known of it. `apiserver`: `https://10.0.0.11:6443`. */
export async function notLoaded(
  { host, signal }: StepContext,
  { apiserver, sha256 }: { readonly apiserver: string; readonly sha256: string },
): Promise<string | undefined> {
  const metrics = kubectl([`--server=${apiserver}`, 'get', '--raw=/metrics']);
  const wanted = '^(apiserver_encryption_config_controller_|process_start_time_seconds)';
  const { exitCode, stdout, stderr } = await host.tryRun(
    sh`date +%s; stat -c %Y ${hostPaths.encryption.config}; out=$(${metrics}) || exit 1; printf '%s\n' "$out" | grep -E ${wanted} || true`,
    { signal },
  );
  if (exitCode !== 0) return `kube-apiserver does not answer: ${stderr.trim().split('\n').at(-1) ?? ''}`;
  return judge(stdout, sha256);
}

/** Waits until the apiserver of this host works with the file. Throws where it does not within two of its looks. */
export async function awaitLoaded(
  ctx: StepContext,
  p: { readonly apiserver: string; readonly sha256: string },
): Promise<void> {
  const answer = await pollUntil(
    async () => {
      const because = await notLoaded(ctx, p);
      return { done: because === undefined, because };
    },
    { timeoutMs: 2 * pollMs + 30_000, intervalMs: 2000, signal: ctx.signal },
  );
  if (answer.done) return;
  throw new KubexmError(
    'WAIT_TIMEOUT',
    `${ctx.host.name}: kube-apiserver does not load ${hostPaths.encryption.config}`,
    {
      details: [answer.because ?? ''],
      hint: `on ${ctx.host.name}: crictl logs $(crictl ps -q --name kube-apiserver) 2>&1 | grep -i encryption; then run the same command again`,
      retryable: false,
    },
  );
}

/**
 * From 1.34 on the apiserver tells the digest of what it uses. Before, only when it last loaded something: at its start, when
 * it saw a change, or, without a failure, at its last look.
 */
export function judge(output: string, sha256: string): string | undefined {
  const [now = 0, written = 0] = output.split('\n').slice(0, 2).map(Number);
  const used = /^apiserver_encryption_config_controller_last_config_info\{[^}]*\bhash="sha256:([0-9a-f]+)"/m.exec(
    output,
  )?.[1];
  if (used !== undefined) return used === sha256 ? undefined : 'kube-apiserver has not loaded the file yet';
  const value = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0);
  const loads = 'apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds';
  const succeeded = value(new RegExp(`^${loads}\\{[^}]*status="success"[^}]*\\} (\\S+)`, 'm'));
  const failed = value(new RegExp(`^${loads}\\{[^}]*status="failure"[^}]*\\} (\\S+)`, 'm'));
  if (failed > written && failed > succeeded) return 'kube-apiserver cannot load the file; its log says why';
  const loadedAt = Math.max(succeeded, value(/^process_start_time_seconds (\S+)/m));
  // Times of files are whole seconds.
  if (loadedAt > written + 1) return undefined;
  return (now - written) * 1000 > pollMs + 15_000 ? undefined : 'kube-apiserver has not looked at the file since';
}
