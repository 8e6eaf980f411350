import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { type ErrorCode, exitCodes, KubexmError } from '../errors/index.js';
import { plural } from '../logger/index.js';
import { checkCluster } from '../pipeline/index.js';
import { openRuntime, type Runtime } from '../runtime/index.js';
import { type Io, note } from './io.js';
import { askSecret } from './prompt.js';
import { watchReader } from './readers.js';

/** Opens the runtime for a cluster, hands it to `work` and closes it whatever happens. `exclusive`: it changes things. */
export async function withRuntime<T>(
  {
    cluster,
    io,
    templates,
    exclusive = false,
  }: { cluster: Cluster; io: Io; templates?: string | undefined; exclusive?: boolean },
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const runtime = await openRuntime({
    cluster,
    cwd: io.cwd,
    exclusive,
    onNotice: (line) => note(io, line),
    redactor: io.redactor,
    ...(io.interactive ? { prompt: askSecret } : {}),
    ...(templates === undefined ? {} : { templatesDir: templates }),
  });
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
}

/** Hosts that a command can do without. */
export type MayBeDown = (host: string) => boolean;

/**
 * Connects to all hosts and learns what they are. Shown live on a terminal; otherwise its result speaks. Where a host does
 * not answer, the others are checked all the same, so that one error tells of everything there is to mend.
 */
export async function gatherFacts(
  runtime: Runtime,
  io: Io,
  mayBeDown: MayBeDown = () => false,
  which: { readonly also?: readonly string[]; readonly only?: readonly string[] | undefined } = {},
): Promise<void> {
  const reader = io.stderr.isTTY === true ? watchReader(io) : undefined;
  try {
    const { facts, failures: all } = await runtime.survey((event) => reader?.read(event), which);
    for (const [host, { message }] of all) if (mayBeDown(host)) note(io, `without ${host}: ${message}`);
    const failures = new Map([...all].filter(([host]) => !mayBeDown(host)));
    if (failures.size === 0) return;
    const details = [...failures.values()].flatMap(problemLines);
    if (facts.size > 0) details.push(...(await otherProblems(runtime)));
    const hints = [...failures.values()].flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
    const hosts = [...failures.keys()];
    throw new KubexmError(
      failureCode(failures),
      `${plural(hosts.length, 'host')} cannot be worked with: ${hosts.join(', ')}; nothing was changed`,
      {
        details,
        hint: [...new Set(hints)].join('\n      ') || undefined,
        retryable: false,
      },
    );
  } finally {
    reader?.close();
  }
}

/** The checks of the hosts that do answer. */
async function otherProblems(runtime: Runtime): Promise<string[]> {
  const never = new AbortController().signal;
  const { jobs } = await runtime.run(checkCluster.plan(runtime.planContext()), {
    mode: 'check',
    emit: () => {},
    stop: { drain: never, abort: never },
  });
  return jobs.flatMap(({ outcome }) => (outcome.state === 'failed' ? problemLines(outcome.error) : []));
}

function problemLines({
  message,
  details,
}: {
  readonly message: string;
  readonly details: readonly string[];
}): string[] {
  return [message, ...details.map((detail) => `  ${detail}`)];
}

/** What they have in common, else that they could not be reached. */
function failureCode(failures: ReadonlyMap<string, { readonly code: string }>): ErrorCode {
  const codes = new Set([...failures.values()].map(({ code }) => code));
  const [code] = codes;
  return codes.size === 1 && code !== undefined && code in exitCodes ? (code as ErrorCode) : 'HOST_UNREACHABLE';
}
