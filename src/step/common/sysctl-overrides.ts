import { script } from '../../runner/index.js';
import type { StepContext } from '../context.js';

/** A line of another file that has the last word on a kernel parameter at boot. */
export interface SysctlOverride {
  readonly file: string;
  readonly key: string;
  readonly value: string;
}

// sysctl.d(5): of files with the same name, the first directory's counts; all are read in the order of their names.
const directories = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d', '/lib/sysctl.d'];
// `sysctl --system` reads it last of all; for systemd it is often linked as 99-sysctl.conf.
const lastFile = '/etc/sysctl.conf';

/** Where files that are read after `file` give one of these parameters another value: a boot would undo what is set now. */
export async function sysctlOverrides(
  { host, signal }: StepContext,
  { file, wanted }: { readonly file: string; readonly wanted: ReadonlyMap<string, string> },
): Promise<readonly SysctlOverride[]> {
  const files = [...directories.map((directory) => `${directory}/*.conf`), lastFile].join(' ');
  const { stdout } = await host.tryRun(script(`grep -sH '^[^#;]*=' ${files}`), { signal });
  const lines = stdout.split('\n').flatMap((line) => settingOf(line) ?? []);
  const counting = lines.filter(({ file: name }) => lines.find((each) => sameName(each.file, name))?.file === name);
  const later = counting
    .filter((line) => line.file === lastFile || baseName(line.file) > baseName(file))
    .sort((a, b) => order(a.file).localeCompare(order(b.file), 'en'));
  const lastWords = new Map(later.map((line) => [line.key, line]));
  return [...lastWords.values()].filter(({ key, value }) => wanted.has(key) && wanted.get(key) !== value);
}

/** `/etc/sysctl.d/99-x.conf:net/ipv4/ip_forward = 0` */
function settingOf(line: string): SysctlOverride | undefined {
  const [, file, name, value] = /^(\/\S+?\.conf):\s*-?([^=]*?)\s*=(.*)$/.exec(line) ?? [];
  if (file === undefined || name === undefined || value === undefined) return undefined;
  // Where the first separator is a slash, slashes and dots have changed places.
  const slashes = /^[^./]*\//.test(name);
  const key = slashes ? name.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.')) : name;
  return { file, key, value: value.trim().replace(/\s+/g, ' ') };
}

function order(file: string): string {
  return file === lastFile ? '\uffff' : baseName(file);
}

function sameName(a: string, b: string): boolean {
  return a !== lastFile && b !== lastFile ? baseName(a) === baseName(b) : a === b;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
