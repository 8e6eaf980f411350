import { hostPaths } from '../../common/host-paths.js';
import { kubernetesPrograms } from '../../common/kubernetes-programs.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';

type Program = 'kubelet' | 'kubeadm' | 'kubectl';

/** The kubelet in place, and the one that runs, with v; absent where there is none. A replaced program still runs as it was. */
export async function kubeletVersions({ host, signal }: StepContext): Promise<{
  readonly installed?: string;
  readonly running?: string;
}> {
  const { stdout } = await host.run(
    sh`program=${hostPaths.bin}/kubelet; [ ! -x "$program" ] || echo "installed $("$program" --version)"
pid=$(systemctl show -p MainPID --value kubelet.service); [ "\${pid:-0}" = 0 ] || [ ! -e "/proc/$pid/exe" ] || echo "running $("/proc/$pid/exe" --version)"`,
    { signal },
  );
  const versionOf = (which: string) => new RegExp(`^${which} Kubernetes (v\\S+)$`, 'm').exec(stdout)?.[1];
  const [installed, running] = [versionOf('installed'), versionOf('running')];
  if (installed === undefined && stdout.includes('installed '))
    throw new KubexmError('COMMAND_FAILED', `${host.name}: ${hostPaths.bin}/kubelet does not say its version`, {
      hint: `on ${host.name}: ${hostPaths.bin}/kubelet --version`,
    });
  return { ...(installed === undefined ? {} : { installed }), ...(running === undefined ? {} : { running }) };
}

/**
 * Puts a staged program in its place by a rename; what it replaces is kept where `keep` says. Hard links: no second copy, and
 * one that runs goes on running.
 */
export async function placeKubernetesProgram(
  { host, signal }: StepContext,
  { from, name, keep }: { readonly from: string; readonly name: Program; readonly keep?: string },
): Promise<void> {
  const target = `${hostPaths.bin}/${name}`;
  const fresh = `${hostPaths.bin}/.${name}.kubexm-new`;
  // After a way back both are one file already, which ln and cp refuse.
  const kept =
    keep === undefined
      ? sh`:`
      : sh`[ ${target} -ef ${keep} ] || ln -f ${target} ${keep} 2>/dev/null || cp -pf ${target} ${keep}`;
  await host.run(
    sh`set -e; [ -s ${from} ]; ${kept}; rm -f ${fresh}; ln ${from} ${fresh} 2>/dev/null || cp -f ${from} ${fresh}; chmod 0755 ${fresh}; sync ${fresh}; mv -fT ${fresh} ${target}`,
    { signal, long: true },
  );
}

/** `to`: with v; the program lies in `kubernetesPrograms.staged(to)`. */
export interface PlaceKubernetesProgram {
  readonly name: 'kubeadm' | 'kubectl';
  readonly to: string;
}

/** Brings a program that nobody has running to another version. */
export const placeKubernetesTool = defineStep<PlaceKubernetesProgram>({
  kind: 'kube.place-program',
  title: (p) => `Put ${p.name} ${p.to} in place`,
  async precheck(ctx, { name, to }) {
    const version = await toolVersion(ctx, name);
    return version === to ? satisfied(`is ${to}`) : needed(version === undefined ? 'is not there' : `is ${version}`);
  },
  run: (ctx, { name, to }) => placeKubernetesProgram(ctx, { from: `${kubernetesPrograms.staged(to)}/${name}`, name }),
});

async function toolVersion(
  { host, signal }: StepContext,
  name: PlaceKubernetesProgram['name'],
): Promise<string | undefined> {
  const program = `${hostPaths.bin}/${name}`;
  const { stdout } = await host.run(
    name === 'kubeadm'
      ? sh`[ ! -x ${program} ] || ${program} version -o short`
      : sh`[ ! -x ${program} ] || ${program} version --client -o json`,
    { signal },
  );
  return /(v\d+\.\d+\.\d+[\w.+-]*)/.exec(stdout)?.[1];
}
