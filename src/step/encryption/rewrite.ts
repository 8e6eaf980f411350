import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from '../kube/kubectl.js';
import { newestKey, plainKey } from './key-file.js';
import { type Target, writtenPrefix } from './providers.js';
import { type EtcdAccess, resourcesInAll, storedObjects } from './stored.js';

/** `keyFile`: of the control machine. `resources`: what is encrypted in the end. */
export interface RewriteObjects {
  readonly keyFile: string;
  readonly resources: readonly string[];
  readonly etcd: EtcdAccess;
}

/** An object that is not written as it should be. */
interface Left {
  readonly resource: string;
  /** `default/token`, or without a namespace the name alone. */
  readonly name: string;
}

/** kubectl asks ten times at once and then five times a second: more in one call would wait for that. */
const chunkSize = 10;
const chunksAtOnce = 4;
/** Others write at the same time, and what they wrote is as wanted: a round without any progress is not their doing. */
const vainRounds = 3;

/**
 * Writes every object anew that etcd does not hold as wanted, as it is: with another writer in charge the apiserver stores it
 * otherwise. Somebody's change in between wins, and has the same effect. What is in etcd at the end is the proof.
 */
export const rewriteObjects = defineStep<RewriteObjects>({
  kind: 'encryption.rewrite',
  title: () => 'Write all objects anew, and prove how etcd holds them',
  policy: { timeoutMs: 6 * 3_600_000 },
  async precheck(ctx, p) {
    const { left, total, target } = await look(ctx, p);
    if (left.length > 0) return needed(`${left.length} of ${total} objects are not written as wanted: ${some(left)}`);
    return satisfied(
      p.resources.length === 0
        ? `all ${total} objects are in clear`
        : `all ${total} objects are written with ${target.key.type} ${target.key.name}`,
    );
  },
  async run(ctx, p) {
    let before = Number.POSITIVE_INFINITY;
    let vain = 0;
    let said: readonly string[] = [];
    for (;;) {
      const { left, total } = await look(ctx, p);
      if (left.length === 0) return;
      vain = left.length < before ? 0 : vain + 1;
      if (vain >= vainRounds) throw stuck(ctx.host.name, left, said);
      before = left.length;
      said = await rewrite(ctx, left, total);
    }
  },
});

async function look(
  ctx: StepContext,
  { keyFile, resources, etcd }: RewriteObjects,
): Promise<{ readonly left: readonly Left[]; readonly total: number; readonly target: Target }> {
  const target: Target = { key: plainKey(await newestKey(keyFile)), resources };
  const left: Left[] = [];
  let total = 0;
  for (const resource of await resourcesInAll(ctx, resources)) {
    const wanted = writtenPrefix(resource, target);
    const stored = await storedObjects(ctx, etcd, resource);
    total += stored.length;
    left.push(
      ...stored.filter(({ writtenWith }) => writtenWith !== wanted).map((object) => ({ resource, name: object.name })),
    );
  }
  return { left, total, target };
}

/** One round; what the API said against it, without the objects. */
async function rewrite(ctx: StepContext, left: readonly Left[], total: number): Promise<readonly string[]> {
  const { host, signal } = ctx;
  const said = new Set<string>();
  let done = total - left.length;
  const write = async ({ resource, namespace, names }: Chunk): Promise<void> => {
    const where = namespace === undefined ? [] : ['--namespace', namespace];
    const get = kubectl(['get', resource, ...where, '--ignore-not-found', '-o', 'json', ...names]);
    const put = kubectl(['replace', '--validate=false', '-f', '-']);
    const { stderr } = await host.tryRun(sh`${get} | ${put} >/dev/null`, { signal, long: true });
    for (const line of stderr.split('\n')) {
      // A conflict is somebody's own write, which is as good; what is gone needs none.
      const refusal = /^Error from server \((?!Conflict|NotFound)\w+\).*/.exec(line)?.[0];
      if (refusal !== undefined) said.add(refusal.slice(0, 200));
    }
    done += names.length;
    ctx.progress(done, total, 'count');
  };
  const open = [...chunks(left)];
  const worker = async (): Promise<void> => {
    for (let chunk = open.shift(); chunk !== undefined; chunk = open.shift()) await write(chunk);
  };
  await Promise.all(Array.from({ length: chunksAtOnce }, worker));
  return [...said];
}

interface Chunk {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly names: readonly string[];
}

function chunks(left: readonly Left[]): readonly Chunk[] {
  const groups = new Map<
    string,
    { readonly resource: string; readonly namespace: string | undefined; names: string[] }
  >();
  for (const { resource, name } of left) {
    const [namespace, own] = name.includes('/') ? name.split('/', 2) : [undefined, name];
    const id = `${resource} ${namespace ?? ''}`;
    const group = groups.get(id) ?? { resource, namespace, names: [] };
    groups.set(id, group);
    group.names.push(own ?? '');
  }
  return [...groups.values()].flatMap(({ resource, namespace, names }) =>
    Array.from({ length: Math.ceil(names.length / chunkSize) }, (_, i) => ({
      resource,
      namespace,
      names: names.slice(i * chunkSize, (i + 1) * chunkSize),
    })),
  );
}

function stuck(host: string, left: readonly Left[], said: readonly string[]): KubexmError {
  return new KubexmError('COMMAND_FAILED', `${host}: ${left.length} objects cannot be written anew: ${some(left)}`, {
    details: [...said.slice(0, 5), 'all keys are still on the control planes: everything can be read'],
    hint: 'mend what the API says of them (an admission webhook may refuse them), then run the same command again',
    retryable: false,
  });
}

/** `secrets default/a, secrets default/b, …` */
function some(left: readonly Left[]): string {
  const shown = left.slice(0, 3).map(({ resource, name }) => `${resource} ${name}`);
  return [...shown, ...(left.length > shown.length ? ['…'] : [])].join(', ');
}
