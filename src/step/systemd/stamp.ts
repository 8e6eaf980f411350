import { createHash } from 'node:crypto';
import { hostMarks } from '../../common/host-marks.js';
import { KubexmError } from '../../errors/index.js';
import { type FileInfo, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { unitName } from './unit.js';

/** With which inputs a run of a service was started. systemd gives each run an id of its own. */
export interface ServiceStamp {
  readonly invocationId: string;
  /** Digest of all inputs. */
  readonly inputs: string;
}

/** What a service reads, as it is now. */
export interface ServiceInputs {
  readonly sha256: string;
  /** When the last of them changed, in seconds since the epoch, and which. */
  readonly changedAt: number;
  readonly changed: string;
}

/** The inputs' digest and times; one that does not exist counts as such. Directories are no inputs: name their files. */
export async function readInputs({ host, signal }: StepContext, paths: readonly string[]): Promise<ServiceInputs> {
  const found = await host.statMany(paths, { sha256: true, signal });
  const files = [...paths].sort().map((path) => [path, digestOf(host.name, path, found.get(path))] as const);
  const latest = [...found.values()].sort((a, b) => b.mtime - a.mtime)[0];
  return {
    sha256: createHash('sha256').update(JSON.stringify(files)).digest('hex'),
    changedAt: latest?.mtime ?? 0,
    changed: latest?.path ?? '',
  };
}

/** The stamp of the service's current run; undefined where kubexm did not start it, or could not say so any more. */
export async function currentStamp(ctx: StepContext, service: string): Promise<ServiceStamp | undefined> {
  const [text, invocationId] = await Promise.all([
    ctx.host.readFile(stampPath(service), { signal: ctx.signal }),
    invocationIdOf(ctx, service),
  ]);
  const stamp = text === undefined ? undefined : parseStamp(text);
  return stamp !== undefined && invocationId !== '' && stamp.invocationId === invocationId ? stamp : undefined;
}

/** Records the inputs of the run that was just started. They must have been read before the start. */
export async function writeStamp(ctx: StepContext, service: string, inputs: ServiceInputs): Promise<void> {
  const stamp: ServiceStamp = { invocationId: await invocationIdOf(ctx, service), inputs: inputs.sha256 };
  await ctx.host.writeFile(stampPath(service), `${JSON.stringify(stamp)}\n`, { signal: ctx.signal });
}

function stampPath(service: string): string {
  return `${hostMarks.serviceStamps}/${service.replace(/\.service$/, '')}.json`;
}

async function invocationIdOf({ host, signal }: StepContext, service: string): Promise<string> {
  const { stdout } = await host.run(sh`systemctl show --property=InvocationID ${unitName(service)}`, { signal });
  return stdout.trim().replace('InvocationID=', '');
}

function parseStamp(text: string): ServiceStamp | undefined {
  try {
    const { invocationId, inputs } = JSON.parse(text) as Partial<ServiceStamp>;
    return invocationId !== undefined && inputs !== undefined ? { invocationId, inputs } : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(hostName: string, path: string, found: FileInfo | undefined): string {
  if (!found) return 'missing';
  if (found.type === 'symlink') return `-> ${found.linkTarget ?? ''}`;
  if (found.sha256 !== undefined) return found.sha256;
  throw new KubexmError('INTERNAL', `${hostName}: ${path} is a ${found.type}; inputs of a service are files`, {
    retryable: false,
  });
}
