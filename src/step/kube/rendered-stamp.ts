import type { StepContext } from '../context.js';

/** What kubexm last saw kubeadm render on a host: digest of the inputs, and the sha256 of each file by its path. */
interface RenderedStamp {
  readonly inputs: string;
  readonly files: Readonly<Record<string, string>>;
}

/** A group of files that kubeadm renders from the same inputs. `optional` ones are not there with every version. */
export interface RenderedFiles {
  readonly stamp: string;
  readonly files: readonly string[];
  readonly optional?: readonly string[];
}

/**
 * Undefined where the files are still those that were rendered from these inputs: one look, without kubeadm. Otherwise what
 * the stamp says, which is no more than a reason to compare really.
 */
export async function stampDiffers(
  { host, signal }: StepContext,
  { stamp: path, files, optional = [] }: RenderedFiles,
  inputs: string,
): Promise<string | undefined> {
  const [text, found] = await Promise.all([
    host.readFile(path, { signal }),
    host.statMany([...files, ...optional], { sha256: true, signal }),
  ]);
  const stamp = parsedStamp(text);
  if (stamp === undefined) return 'it is not known from what they were made';
  const missing = files.find((file) => !found.has(file));
  if (missing !== undefined) return `${missing} is missing`;
  const changed = [...found.values()].find((file) => stamp.files[file.path] !== file.sha256);
  if (changed !== undefined) return `${changed.path} was changed by another hand`;
  return stamp.inputs === inputs ? undefined : 'the cluster file asks for something else';
}

/** Notes that the files, as they are now, are what these inputs give. */
export async function writeStamp(
  { host, signal }: StepContext,
  { stamp, files, optional = [] }: RenderedFiles,
  inputs: string,
): Promise<void> {
  const found = await host.statMany([...files, ...optional], { sha256: true, signal });
  const digests = [...found.values()].map(({ path, sha256 = '' }) => [path, sha256] as const);
  const content: RenderedStamp = { inputs, files: Object.fromEntries(digests) };
  await host.writeFile(stamp, `${JSON.stringify(content, null, 1)}\n`, { mode: 0o600, signal });
}

/** A stamp that cannot be read is none: it only saves work. */
function parsedStamp(text: string | undefined): RenderedStamp | undefined {
  if (text === undefined) return undefined;
  try {
    const { inputs, files } = JSON.parse(text) as Partial<RenderedStamp>;
    return typeof inputs === 'string' && typeof files === 'object' ? { inputs, files } : undefined;
  } catch {
    return undefined;
  }
}
