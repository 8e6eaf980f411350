import { etcdPrograms } from '../../common/etcd-programs.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { script, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { etcdHostLock } from './host-lock.js';

/** An upgrade of a member that has begun and not ended. Versions with v; `from` is what ran before. */
export interface UpgradeMark {
  readonly from: string;
  readonly to: string;
}

/** The mark of the host; undefined where no upgrade is under way. Throws where the file cannot be read as one. */
export async function readMark({ host, signal }: StepContext): Promise<UpgradeMark | undefined> {
  const text = await host.readFile(etcdPrograms.mark, { signal });
  if (text === undefined) return undefined;
  try {
    const { from, to } = JSON.parse(text) as Partial<UpgradeMark>;
    if (from !== undefined && to !== undefined) return { from, to };
  } catch {
    // Told below.
  }
  throw new KubexmError('COMMAND_FAILED', `${host.name}: ${etcdPrograms.mark} is no mark of an upgrade`, {
    details: [text.slice(0, 200)],
    hint: `on ${host.name}: /usr/local/bin/etcd --version tells which version is in place; remove the file and run again`,
    retryable: false,
  });
}

export async function writeMark({ host, signal }: StepContext, mark: UpgradeMark): Promise<void> {
  await host.writeFile(etcdPrograms.mark, `${JSON.stringify(mark)}\n`, { mode: 0o600, signal });
}

export async function removeMark({ host, signal }: StepContext): Promise<void> {
  await host.remove(etcdPrograms.mark, { signal });
}

/** The version of the program in place, with v; undefined where there is none. Throws where it cannot be told. */
export async function installedVersion({ host, signal }: StepContext): Promise<string | undefined> {
  const program = `${hostPaths.bin}/etcd`;
  const { stdout, stderr, exitCode } = await host.tryRun(sh`[ -e ${program} ] || exit 66; ${program} --version`, {
    signal,
  });
  if (exitCode === 66) return undefined;
  const version = /^etcd Version: (\S+)$/m.exec(stdout)?.[1];
  if (version !== undefined) return `v${version}`;
  throw new KubexmError('COMMAND_FAILED', `${host.name}: ${program} does not say its version`, {
    details: [stdout, stderr].flatMap((text) => text.trim().split('\n').slice(-3)),
    hint: `on ${host.name}: ${program} --version`,
  });
}

/**
 * Puts the programs of a directory into place, each by a rename, etcd itself last. With `keep`, what they replace is kept
 * there first, unless it is the same: so that a second try never takes the new ones for the old.
 */
export async function placePrograms(
  { host, signal }: StepContext,
  { from, keep }: { readonly from: string; readonly keep?: string },
): Promise<void> {
  const { bin } = hostPaths;
  const lines = etcdPrograms.names.map((name) => {
    const [source, target, fresh] = [`${from}/${name}`, `${bin}/${name}`, `${bin}/.${name}.kubexm-new`];
    const kept = keep === undefined ? sh`:` : copied(target, `${keep}/${name}`);
    return sh`if ! cmp -s ${source} ${target}; then
  ${kept}
  cp -f ${source} ${fresh}; chmod 0755 ${fresh}; sync ${fresh}; mv -fT ${fresh} ${target}
fi`;
  });
  const head = keep === undefined ? sh`set -e` : sh`set -e; mkdir -p ${keep}`;
  await host.run(script([etcdHostLock, head, ...lines].map(({ text }) => text).join('\n')), { signal, long: true });
}

function copied(source: string, target: string) {
  const fresh = `${target}.kubexm-new`;
  return sh`if [ -e ${source} ]; then cp -pf ${source} ${fresh}; sync ${fresh}; mv -fT ${fresh} ${target}; fi`;
}
