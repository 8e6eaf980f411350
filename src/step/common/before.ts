import { hostMarks } from '../../common/host-marks.js';
import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';

/** What can be put back. */
export type Subject = 'sysctl' | 'modules' | 'swap' | 'hostname' | 'timezone' | 'packages' | 'services';

/** By name; null: there was none. */
export type Before = Readonly<Record<string, string | null>>;

/**
 * Writes down what is there, for the day on which the host is given back. Call it right before the first change: what is
 * known of a name already stays, since by then kubexm has changed it.
 */
export async function rememberBefore(ctx: StepContext, subject: Subject, found: Before): Promise<void> {
  const known = await recalledBefore(ctx, subject);
  const news = Object.entries(found).filter(([name]) => !Object.hasOwn(known, name));
  if (news.length === 0) return;
  const all: Before = { ...known, ...Object.fromEntries(news) };
  const { host, signal } = ctx;
  await host.writeFile(beforeFile(subject), `${JSON.stringify(all, null, 1)}\n`, { mode: 0o600, signal });
}

/** What `rememberBefore` wrote down on this host; empty where it never did. */
export async function recalledBefore({ host, signal }: StepContext, subject: Subject): Promise<Before> {
  const text = await host.readFile(beforeFile(subject), { signal });
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as Before;
  } catch (cause) {
    throw new KubexmError('FILE_MISSING', `${host.name}: ${beforeFile(subject)} is damaged`, {
      details: [`it says what ${subject} was before kubexm changed it`],
      hint: `look at it on ${host.name}, put back by hand what it tells, then remove it`,
      cause,
      retryable: false,
    });
  }
}

export function beforeFile(subject: Subject): string {
  return `${hostMarks.before}/${subject}.json`;
}
