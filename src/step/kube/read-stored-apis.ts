import { removedApis } from '../../common/removed-apis.js';
import type { Json } from '../../plan/index.js';
import { script } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';
import { awaitKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';

/** Objects of an API that a release removes. */
export interface StoredApi {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** The minor that does not serve it. */
  readonly removed: number;
  /** Objects whose manifest is of this version, as who applies it would apply it again: `namespace/name`. */
  readonly applied: readonly string[];
  /** Objects that somebody wrote in this version, maybe long ago. */
  readonly written: readonly string[];
  /** Of a resource that has no other version: how many there are; -1: unknown. */
  readonly count?: number;
}

/** What of a CustomResourceDefinition says whether its objects can be read. */
export interface CustomApi {
  readonly name: string;
  readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  /** In which its objects were ever stored. */
  readonly stored: readonly string[];
  readonly established: boolean;
}

export interface StoredApis {
  readonly apis: readonly StoredApi[];
  readonly custom: readonly CustomApi[];
}

/** In which versions of APIs objects are stored, on a control plane host. Asks for nothing that a release removes. */
export const readStoredApis = defineStep<{ readonly report: string }>({
  kind: 'kube.read-stored-apis',
  title: () => 'Read in which versions of APIs objects are stored',
  recheck: false,
  async precheck(ctx, p) {
    // Of an interrupted run: until it ends, the API server may not answer.
    await awaitKubeadm(ctx);
    const custom = await customApis(ctx);
    const apis = await storedApis(ctx);
    const report: StoredApis = { custom, apis };
    ctx.log('debug', p.report, report as unknown as Json);
    return satisfied(`${custom.length} of users' own, ${apis.length} of those that some release removes`);
  },
  run: () => Promise.resolve(),
});

async function customApis({ host, signal }: StepContext): Promise<readonly CustomApi[]> {
  // Their schemas are megabytes, and none of it is wanted.
  const fields = [
    '{.metadata.name}',
    '{range .spec.versions[*]}{.name}={.served} {end}',
    '{range .status.storedVersions[*]}{@} {end}',
    '{.status.conditions[?(@.type=="Established")].status}',
  ];
  const template = `jsonpath={range .items[*]}${fields.join('{"\\t"}')}{"\\n"}{end}`;
  const { stdout } = await host.run(kubectl(['get', 'customresourcedefinitions', '-o', template]), { signal });
  return linesOf(stdout).map((line) => {
    const [name = '', versions = '', stored = '', established = ''] = line.split('\t');
    return {
      name,
      versions: words(versions).map((version) => {
        const [called = '', served] = version.split('=');
        return { name: called, served: served === 'true' };
      }),
      stored: words(stored),
      established: established === 'True',
    };
  });
}

async function storedApis(ctx: StepContext): Promise<readonly StoredApi[]> {
  const { groups } = await getRaw<{
    groups: readonly { readonly name: string; readonly versions: readonly { readonly version: string }[] }[];
  }>(ctx, '/apis');
  const found: StoredApi[] = [];
  for (const { name, versions } of groups) {
    const served = versions.map(({ version }) => version);
    found.push(...(await storedOfGroup(ctx, name, served)));
  }
  return found;
}

/** `served`: the versions of the group, the most stable first. */
async function storedOfGroup(
  ctx: StepContext,
  group: string,
  served: readonly string[],
): Promise<readonly StoredApi[]> {
  const rows = removedApis.filter((row) => row.group === group);
  if (rows.length === 0) return [];
  const resourcesOf = new Map<string, ReadonlySet<string>>();
  for (const version of served) resourcesOf.set(version, await resourcesIn(ctx, `/apis/${group}/${version}`));
  const found: StoredApi[] = [];
  for (const resource of new Set(rows.flatMap(({ resources }) => resources))) {
    const removed = rows.filter(({ resources }) => resources.includes(resource));
    const there = served.filter((version) => resourcesOf.get(version)?.has(resource) === true);
    if (there.length === 0) continue;
    const lasting = there.find((version) => removed.every((row) => row.version !== version));
    // To list them by a version that goes would count as a request for it.
    found.push(
      ...(lasting === undefined
        ? await countedOnly(ctx, { group, resource, removed: removed.filter((row) => there.includes(row.version)) })
        : await writtenBy(ctx, { group, resource, lasting, removed })),
    );
  }
  return found;
}

type Row = Pick<StoredApi, 'version' | 'removed'>;

/** Objects of which fields, or the manifest that was applied last, are of a version that goes. */
async function writtenBy(
  { host, signal }: StepContext,
  {
    group,
    resource,
    lasting,
    removed,
  }: {
    readonly group: string;
    readonly resource: string;
    readonly lasting: string;
    readonly removed: readonly Row[];
  },
): Promise<readonly StoredApi[]> {
  const fields = [
    '{.metadata.namespace}{"/"}{.metadata.name}',
    '{range .metadata.managedFields[*]}{.operation}={.manager}={.apiVersion} {end}',
    '{.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}',
  ];
  const template = `jsonpath={range .items[*]}${fields.join('{"\\t"}')}{"\\n"}{end}`;
  const { stdout } = await host.run(
    kubectl(['get', `${resource}.${lasting}.${group}`, '--all-namespaces', '-o', template]),
    { signal },
  );
  const objects = linesOf(stdout).flatMap((line) => {
    const [name = '', managers = '', applied = ''] = line.split('\t');
    // The second half of an annotation that ends with a new line.
    if (!name.includes('/')) return [];
    return [{ name: name.replace(/^\//, ''), ...versionsUsed(managers, applied) }];
  });
  return removed.flatMap(({ version, removed: minor }) => {
    const full = `${group}/${version}`;
    const applied = objects.filter((object) => object.applied.includes(full)).map(({ name }) => name);
    const written = objects.filter((object) => object.written.includes(full)).map(({ name }) => name);
    return applied.length + written.length === 0
      ? []
      : [{ group, version, resource, removed: minor, applied, written }];
  });
}

/**
 * Of `operation=manager=group/version …` and of the manifest that kubectl noted. What the control plane writes by itself follows
 * the control plane. A manager that applies has one entry; one that writes keeps those of older versions for good.
 */
function versionsUsed(
  managers: string,
  manifest: string,
): { readonly applied: readonly string[]; readonly written: readonly string[] } {
  const own = /^(?:kube-(?:apiserver|controller-manager|scheduler)|kubelet|api-priority-and-fairness-config-\S+)$/;
  const entries = words(managers).flatMap((each) => {
    const [, operation = '', manager = '', version = ''] = /^(\w+)=(.*)=([^=]+)$/.exec(each) ?? [];
    return own.test(manager) ? [] : [{ operation, manager, version }];
  });
  const noted = /"apiVersion":"([^"]+)"/.exec(manifest)?.[1];
  const applied = entries.filter(({ operation }) => operation === 'Apply').map(({ version }) => version);
  const updates = entries.filter(({ operation }) => operation !== 'Apply');
  return {
    applied: noted === undefined ? applied : [...applied, noted],
    written: updates
      .filter(({ manager, version }) => updates.every((each) => each.manager !== manager || each.version === version))
      .map(({ version }) => version)
      .filter((version) => version !== noted),
  };
}

/** There is no version to ask for but what goes: the apiserver's own count of what is stored. */
async function countedOnly(
  { host, signal }: StepContext,
  { group, resource, removed }: { readonly group: string; readonly resource: string; readonly removed: readonly Row[] },
): Promise<readonly StoredApi[]> {
  const metrics = kubectl(['get', '--raw=/metrics']);
  const { stdout } = await host.run(
    script(
      `text=$(${metrics.text}) || exit 1; printf '%s\\n' "$text" | grep -E '^apiserver_(storage|resource)_objects\\{' || true`,
    ),
    { signal },
  );
  const counts = linesOf(stdout).flatMap((line) => {
    const [, labels = '', value = ''] = /^\w+\{(.*)\} (\S+)$/.exec(line) ?? [];
    const names = [`resource="${resource}.${group}"`, `group="${group}",resource="${resource}"`];
    return names.some((name) => labels === name) ? [Number(value)] : [];
  });
  const last = Math.max(...removed.map((row) => row.removed));
  const row = removed.find((each) => each.removed === last);
  // The apiserver says -1 where it could not count.
  const count = Math.max(-1, ...counts);
  return row === undefined || count === 0
    ? []
    : [{ group, version: row.version, resource, removed: last, applied: [], written: [], count }];
}

async function resourcesIn(ctx: StepContext, path: string): Promise<ReadonlySet<string>> {
  const { resources } = await getRaw<{ resources: readonly { readonly name: string }[] }>(ctx, path);
  return new Set(resources.map(({ name }) => name));
}

async function getRaw<T>({ host, signal }: StepContext, path: string): Promise<T> {
  const { stdout } = await host.run(kubectl(['get', `--raw=${path}`]), { signal });
  return JSON.parse(stdout) as T;
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function words(text: string): readonly string[] {
  return text.split(' ').filter((word) => word !== '');
}
