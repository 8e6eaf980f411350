import { canonical } from './kubeadm-documents.js';

interface Container {
  readonly command?: readonly string[];
  readonly [key: string]: unknown;
}

/**
 * What differs between two static pod manifests, by the names that users know: `--etcd-servers differs`, `--v is new`,
 * `image differs`, `spec.hostNetwork differs`. Empty where they are the same to the kubelet.
 */
export async function manifestDifferences(live: string, wanted: string): Promise<readonly string[]> {
  const [a, b] = [await parsed(live), await parsed(wanted)];
  if (same(a, b)) return [];
  const [containerA, containerB] = [containerOf(a), containerOf(b)];
  const { command: commandA = [], ...restA } = containerA;
  const { command: commandB = [], ...restB } = containerB;
  const differences = [
    ...flagDifferences(commandA, commandB),
    ...keyDifferences(restA, restB),
    ...keyDifferences(without(a.spec, 'containers'), without(b.spec, 'containers'), 'spec.'),
    ...keyDifferences(without(a, 'spec'), without(b, 'spec')),
  ];
  return differences.length > 0 ? differences : ['spec.containers differs'];
}

/** What differs between two documents, by their upper keys. */
export async function documentDifferences(live: string, wanted: string): Promise<readonly string[]> {
  return keyDifferences(await parsed(live), await parsed(wanted));
}

/** What a document that has more keys has otherwise than these are wanted, by their upper keys; nothing of one without content. */
export async function namedDifferences(live: string, wanted: object): Promise<readonly string[]> {
  const document = await parsed(live);
  return Object.keys(document).length === 0 ? [] : keyDifferences(narrowed(document, wanted) as object, wanted);
}

/** Only what the other has as well. */
function narrowed(live: unknown, wanted: unknown): unknown {
  if (!isObject(live) || !isObject(wanted)) return live;
  const common = Object.entries(live).filter(([key]) => key in wanted);
  return Object.fromEntries(common.map(([key, value]) => [key, narrowed(value, wanted[key])]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What differs between two command lines, by flag: `--v differs`, `--v is new`, `--v is too much`. */
export function flagDifferences(live: readonly string[], wanted: readonly string[]): readonly string[] {
  const [a, b] = [flagsOf(live), flagsOf(wanted)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((flag) => {
    if (a.get(flag) === b.get(flag)) return [];
    if (!a.has(flag)) return [`${flag} is new`];
    return [b.has(flag) ? `${flag} differs` : `${flag} is too much`];
  });
}

/** A flag that is given twice counts with both values. */
function flagsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  for (const word of words) {
    const [flag = '', ...value] = word.split('=');
    flags.set(flag, [...(flags.has(flag) ? [flags.get(flag)] : []), value.join('=')].join('\n'));
  }
  return flags;
}

function keyDifferences(live: object, wanted: object, prefix = ''): string[] {
  const [a, b] = [live, wanted] as Record<string, unknown>[];
  return [...new Set([...Object.keys(live), ...Object.keys(wanted)])].flatMap((key) => {
    if (same(a?.[key], b?.[key])) return [];
    if (a?.[key] === undefined) return [`${prefix}${key} is new`];
    return [b?.[key] === undefined ? `${prefix}${key} is too much` : `${prefix}${key} differs`];
  });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

interface Document {
  readonly spec?: { readonly containers?: readonly Container[] };
}

/** A text that is no document is one without content: it differs from every other. */
async function parsed(text: string): Promise<Document> {
  const { parse } = await import('yaml');
  try {
    const document: unknown = canonical(parse(text));
    return typeof document === 'object' && document !== null ? document : {};
  } catch {
    return {};
  }
}

function containerOf({ spec }: Document): Container {
  return spec?.containers?.[0] ?? {};
}

function without(object: object | undefined, key: string): object {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([each]) => each !== key));
}
