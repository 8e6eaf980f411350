import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { type Providers, parseConfig } from './providers.js';

/** How the apiservers reach etcd; the files are paths on the control planes. */
export interface EtcdAccess {
  readonly endpoints: readonly string[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** `/registry` */
  readonly prefix: string;
}

/** An object as etcd holds it. */
export interface StoredObject {
  /** `default/token`, or without a namespace the name alone. */
  readonly name: string;
  /** `k8s:enc:secretbox:v1:key-20260102030405:`; empty: in clear. */
  readonly writtenWith: string;
}

const pageSize = 500;

/**
 * How each object of a resource lies in etcd. Asked as the apiserver, from a control plane, over the gateway of etcd: kubectl posts
 * it. Of an object only the first bytes leave the host, and only of one that is encrypted.
 */
export async function storedObjects(
  ctx: StepContext,
  etcd: EtcdAccess,
  resource: string,
): Promise<readonly StoredObject[]> {
  const start = directoryOf(etcd.prefix, resource);
  // The first key that is not below it: a slash is followed by a zero.
  const end = `${start.slice(0, -1)}0`;
  const objects: StoredObject[] = [];
  for (let from = start; ; ) {
    const found = await page(ctx, etcd, { from, end });
    objects.push(...found.map(({ key, writtenWith }) => ({ name: key.slice(start.length), writtenWith })));
    const last = found.at(-1);
    if (last === undefined || found.length < pageSize) return objects;
    from = `${last.key}\0`;
  }
}

/** Those that are wanted, and those that this control plane knows as encrypted so far. */
export async function resourcesInAll(ctx: StepContext, wanted: readonly string[]): Promise<readonly string[]> {
  return [...new Set([...wanted, ...(await providersOf(ctx)).keys()])].toSorted();
}

/** What the control plane reads and writes with; nothing where it has no file. */
export async function providersOf({ host, signal }: StepContext): Promise<Providers> {
  const path = hostPaths.encryption.config;
  const written = await host.readFile(path, { signal });
  return written === undefined ? new Map() : await parseConfig(written, `${host.name}: ${path}`);
}

/** A custom resource `certificates.example.org` lies below its group. */
function directoryOf(prefix: string, resource: string): string {
  const [name, ...group] = resource.split('.');
  return [prefix, ...(group.length > 0 ? [group.join('.')] : []), name, ''].join('/');
}

interface Entry {
  readonly key: string;
  readonly writtenWith: string;
}

async function page(
  { host, signal }: StepContext,
  etcd: EtcdAccess,
  { from, end }: { readonly from: string; readonly end: string },
): Promise<readonly Entry[]> {
  const errors: string[] = [];
  for (const endpoint of etcd.endpoints) {
    const post = sh`${hostPaths.bin}/kubectl --kubeconfig=/dev/null --server=${endpoint} --certificate-authority=${etcd.caFile} --client-certificate=${etcd.certFile} --client-key=${etcd.keyFile} --request-timeout=30s create --raw=/v3/kv/range -f -`;
    const { stdout, stderr } = await host.tryRun(sh`${post} | tr '{' '\n' | sed -n -E ${oneLineEach}`, {
      stdin: JSON.stringify({ key: base64(from), range_end: base64(end), limit: pageSize }),
      signal,
    });
    const entries = entriesOf(stdout);
    if (entries !== undefined) return entries;
    errors.push(`${endpoint}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  }
  throw new KubexmError('COMMAND_FAILED', `${host.name}: etcd does not tell how its objects are written`, {
    details: [...errors, 'asked over its JSON gateway (enable-grpc-gateway, on by default)'],
    hint: 'kubexm etcd health',
  });
}

/** Each object of the JSON is a line by then. Of a value that begins with `k8s:enc:` the beginning, of any other nothing. */
export const oneLineEach = [
  's/^"header":$/@header/p',
  's/^"key":"([^"]*)".*"value":"(azhzOmVuYzp[^"]{0,160}).*$/@encrypted \\1 \\2/p',
  's/^"key":"([^"]*)".*$/@clear \\1/p',
].join(';');

/** Undefined where it is no answer of etcd. */
function entriesOf(stdout: string): readonly Entry[] | undefined {
  const [header, ...lines] = stdout.split('\n').filter((line) => line.startsWith('@'));
  if (header !== '@header') return undefined;
  return lines.map((line) => {
    const [, key = '', value = ''] = line.split(' ');
    return { key: text(key), writtenWith: /^(?:[^:]*:){5}/.exec(text(value))?.[0] ?? '' };
  });
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}

/** Whole groups of four only: it may have been cut off. */
function text(value: string): string {
  return Buffer.from(value.slice(0, value.length - (value.length % 4)), 'base64').toString('latin1');
}
