import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { documentsText, type KubeadmDocument, withoutTokens } from './kubeadm-documents.js';

const mark = '@@kubexm ';

/**
 * What a phase of `kubeadm init` would write on this host, as texts by file name. A dry run: kubeadm writes into the directory
 * that KUBEADM_INIT_DRYRUN_DIR names, up to 1.31 into a new one below it, and that is removed again.
 */
export async function renderKubeadm(
  { host, signal }: StepContext,
  { phase, documents }: { readonly phase: readonly string[]; readonly documents: readonly KubeadmDocument[] },
): Promise<ReadonlyMap<string, string>> {
  const kubeadm = `${hostPaths.bin}/kubeadm`;
  const command = sh`set -e; umask 077; mkdir -p /run/kubexm; work=$(mktemp -d /run/kubexm/render.XXXXXX); trap 'rm -rf "$work"' EXIT; mkdir "$work/out"; cat >"$work/in.yaml"; KUBEADM_INIT_DRYRUN_DIR="$work/out" ${kubeadm} init phase ${phase} --dry-run --config="$work/in.yaml" >"$work/log" 2>&1 || { tail -n 15 "$work/log" >&2; exit 1; }; find "$work/out" -type f | while read -r file; do echo ${mark}"$(basename "$file")"; cat "$file"; done`;
  const { exitCode, stdout, stderr } = await host.tryRun(command, {
    stdin: await documentsText(withoutTokens(documents)),
    signal,
  });
  if (exitCode !== 0) {
    throw new KubexmError('COMMAND_FAILED', `${host.name}: kubeadm cannot render what the cluster file asks for`, {
      details: [`kubeadm init phase ${phase.join(' ')} --dry-run`, ...stderr.trim().split('\n')],
      hint: 'correct spec.kubernetes in the cluster file, then run the same command again',
      retryable: false,
    });
  }
  const sections = `\n${stdout}`.split(`\n${mark}`).slice(1);
  return new Map(
    sections.map((section) => {
      const end = section.indexOf('\n');
      const text = section.slice(end + 1);
      return [section.slice(0, end), text.endsWith('\n') ? text : `${text}\n`] as const;
    }),
  );
}
