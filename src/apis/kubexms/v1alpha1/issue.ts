/** Keys and indexes from the document's root: `['spec', 'hosts', 2, 'address']`. */
export type Path = readonly (string | number)[];

/** One thing that is wrong, or unwise, in a config; whoever read the text knows on which line it stands. */
export interface Issue {
  readonly severity: 'error' | 'warning';
  /** Kebab-case word that stays the same when the message is reworded: `unknown-host`. */
  readonly code: string;
  readonly path: Path;
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
  /** Whether the key or its value is at fault; default value. */
  readonly at?: 'key' | 'value';
}

type Details = Pick<Issue, 'hint' | 'at'>;

/** An issue that has to be solved before anything runs. */
export function error(code: string, path: Path, message: string, details: Details = {}): Issue {
  return { severity: 'error', code, path, message, ...details };
}

/** An issue that is shown and does not stop anything. */
export function warning(code: string, path: Path, message: string, details: Details = {}): Issue {
  return { severity: 'warning', code, path, message, ...details };
}

/** `spec.hosts[2].address`; keys that are no plain words are quoted: `spec.download.mirrors["https://dl.k8s.io"]`. */
export function pathText(path: Path): string {
  const parts = path.map((part, i) => {
    if (typeof part === 'number') return `[${part}]`;
    if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
    return i === 0 ? part : `.${part}`;
  });
  return parts.join('');
}

/** Whether `path` is `prefix` or lies below it. */
export function isWithin(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((part, i) => part === path[i]);
}
