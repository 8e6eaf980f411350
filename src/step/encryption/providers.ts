import { KubexmError } from '../../errors/index.js';

export type KeyType = 'secretbox' | 'aescbc' | 'aesgcm';

/** `secret`: 32 bytes in base64. Names begin with `key-` and a time: the order of names is the order of making. */
export interface EncryptionKey {
  readonly name: string;
  readonly type: KeyType;
  readonly secret: string;
}

/** A way to read objects, and for the first of a list to write them. */
export type Provider = EncryptionKey | { readonly type: 'identity' };

/** By resource; each list in the order of the file. A resource that is not in it is read and written in clear. */
export type Providers = ReadonlyMap<string, readonly Provider[]>;

/** The passes in which a running cluster comes to another writer. Each is to be on all control planes before the next begins. */
export type Phase = 'readable' | 'writing' | 'final';

/** What is wanted in the end: these resources with this key, and all others in clear. */
export interface Target {
  readonly key: EncryptionKey;
  readonly resources: readonly string[];
  /** Keys that objects may still be written with: they stay readable until nothing needs them. */
  readonly older?: readonly EncryptionKey[];
}

const identity: Provider = { type: 'identity' };
const keyTypes: readonly string[] = ['secretbox', 'aescbc', 'aesgcm'];

/**
 * What a control plane is to have in a pass, from what it has. `readable`: the new writer can be read; `writing`: it comes
 * first; `final`: what nothing is encrypted with any more is gone. Clear text stays readable: a snapshot from before may come back.
 */
export function inPhase(current: Providers, target: Target, phase: Phase): Providers {
  const resources = [...new Set([...target.resources, ...current.keys()])].toSorted();
  const next = resources.map((resource): [string, readonly Provider[]] => {
    const writer = target.resources.includes(resource) ? target.key : identity;
    const found = current.get(resource) ?? [identity];
    const others = found.filter((provider) => !same(provider, writer));
    switch (phase) {
      case 'readable':
        return [resource, withAll(found, [writer, ...(writer === target.key ? (target.older ?? []) : [])])];
      case 'writing':
        return [resource, withIdentity([writer, ...others])];
      case 'final':
        return [resource, withIdentity([writer])];
      default:
        return phase satisfies never;
    }
  });
  const encrypted = next.filter(([, providers]) => providers.some(({ type }) => type !== 'identity'));
  // An apiserver that is told to encrypt takes no file without resources.
  return new Map(phase === 'final' && encrypted.length > 0 ? encrypted : next);
}

/** Of a control plane that does not serve yet: it can read whatever others write. */
export function forNewcomer({ key, resources, older = [] }: Target): Providers {
  return new Map(resources.toSorted().map((resource) => [resource, [key, ...older, identity]]));
}

/** How objects of a resource begin in etcd when they are as wanted; empty: in clear. */
export function writtenPrefix(resource: string, { key, resources }: Target): string {
  return resources.includes(resource) ? `k8s:enc:${key.type}:v1:${key.name}:` : '';
}

/** The keys of a control plane, each once. */
export function keysOf(providers: Providers): readonly EncryptionKey[] {
  const keys = [...providers.values()].flat().filter((provider) => provider.type !== 'identity');
  return [...new Map(keys.map((key) => [key.name, key])).values()];
}

/** `secretbox key-20260102030405`, `clear`: a provider as it may be shown. */
export function providerText(provider: Provider): string {
  return provider.type === 'identity' ? 'clear' : `${provider.type} ${provider.name}`;
}

/** Whether two providers read the same. */
export function same(a: Provider, b: Provider): boolean {
  if (a.type === 'identity' || b.type === 'identity') return a.type === b.type;
  return a.type === b.type && a.name === b.name && a.secret === b.secret;
}

/** The file that kube-apiserver reads. https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/ */
export async function configText(providers: Providers): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [...providers].map(([resource, list]) => ({
      resources: [resource],
      providers: list.map((provider) =>
        provider.type === 'identity'
          ? { identity: {} }
          : { [provider.type]: { keys: [{ name: provider.name, secret: provider.secret }] } },
      ),
    })),
  });
}

interface Written {
  readonly resources?: readonly {
    readonly resources?: readonly string[];
    readonly providers?: readonly Readonly<
      Record<string, { readonly keys?: readonly { name: string; secret: string }[] }>
    >[];
  }[];
}

/**
 * Reads such a file. Throws where it holds what kubexm never writes, such as a KMS plugin: that is another's work. So is a key with
 * a name that does not tell when it was made: the newest is the one to write with.
 */
export async function parseConfig(text: string, path: string): Promise<Providers> {
  const { parse } = await import('yaml');
  const strange = (what: string) =>
    new KubexmError('GUARD_REFUSED', `${path} ${what}: it is not of this kubexm's making`, {
      hint: 'kubexm only looks after keys of its own: keep that file in a directory of its own, named in spec.kubernetes.apiServer extraArgs (encryption-provider-config) and extraVolumes',
      retryable: false,
    });
  try {
    return providersIn(parse(text) as Written | null, strange);
  } catch (error) {
    // The parser's own words would show the line.
    throw error instanceof KubexmError ? error : strange('is no EncryptionConfiguration');
  }
}

function providersIn(written: Written | null, strange: (what: string) => KubexmError): Providers {
  const found = new Map<string, readonly Provider[]>();
  for (const entry of written?.resources ?? []) {
    const providers = (entry.providers ?? []).flatMap((each): Provider[] => {
      const [type, settings] = Object.entries(each)[0] ?? [''];
      if (type === 'identity') return [identity];
      if (!keyTypes.includes(type)) throw strange(`names a provider "${type}"`);
      return (settings?.keys ?? []).map(({ name, secret }) => {
        if (!/^key-\d+$/.test(name)) throw strange(`names a key "${name}"`);
        return { name, type: type as KeyType, secret };
      });
    });
    for (const resource of entry.resources ?? []) {
      if (resource.includes('*')) throw strange(`names "${resource}"`);
      if (found.has(resource)) throw strange(`names "${resource}" twice`);
      found.set(resource, providers);
    }
  }
  if (found.size === 0) throw strange('names no resource');
  return found;
}

/** What is missing comes last. */
function withAll(found: readonly Provider[], wanted: readonly Provider[]): readonly Provider[] {
  return [...found, ...wanted.filter((provider) => !found.some((each) => same(each, provider)))];
}

/** The file always ends with a way to read clear text. */
function withIdentity(providers: readonly Provider[]): readonly Provider[] {
  const [first, ...rest] = providers;
  if (first === undefined || first.type === 'identity') return providers;
  return [first, ...rest.filter(({ type }) => type !== 'identity'), identity];
}
