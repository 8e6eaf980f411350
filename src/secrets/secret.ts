import { inspect } from 'node:util';

/** A value that must never be shown: it prints, serialises and inspects as `***`; only `reveal()` gives it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself; only where it is handed to the thing that needs it (stdin, a socket, a 0600 file). */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}

/** Where a secret comes from, as written in the config. `plain` was typed into the YAML itself and is warned about. */
export type SecretSource =
  | { readonly env: string }
  | { readonly file: string }
  | { readonly exec: readonly string[] }
  | { readonly prompt: true }
  | { readonly plain: Secret };
