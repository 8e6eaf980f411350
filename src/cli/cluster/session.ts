import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { openRuntime, type Runtime } from '../../runtime/index.js';
import { type Io, note } from '../io.js';
import { askSecret } from '../prompt.js';
import { watchReader } from '../readers.js';

/** Opens the runtime for a cluster, hands it to `work` and closes it whatever happens. */
export async function withRuntime<T>(
  { cluster, io, templates }: { cluster: Cluster; io: Io; templates?: string | undefined },
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const runtime = await openRuntime({
    cluster,
    cwd: io.cwd,
    onNotice: (line) => note(io, line),
    onSecret: (secret) => io.redactor.add(secret),
    ...(io.interactive ? { prompt: askSecret } : {}),
    ...(templates === undefined ? {} : { templatesDir: templates }),
  });
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
}

/** Connects to all hosts and learns what they are. Shown live on a terminal; otherwise its result speaks. */
export async function gatherFacts(runtime: Runtime, io: Io): Promise<void> {
  const reader = io.stderr.isTTY === true ? watchReader(io) : undefined;
  try {
    await runtime.gatherFacts((event) => reader?.read(event));
  } finally {
    reader?.close();
  }
}
