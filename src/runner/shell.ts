import { Secret } from '../secrets/index.js';

/** A POSIX shell command made by `sh`; a raw string is not one, so it does not compile. */
export interface ShellCommand {
  /** As it is run. Holds secrets in the clear: never log it. */
  readonly text: string;
  /** As it may be shown: secrets are `***`. */
  readonly masked: string;
  /** The secrets in it: what the command prints may repeat them. */
  readonly secrets: readonly Secret[];
  readonly isShellCommand: true;
}

type Part = string | number | Secret | ShellCommand | readonly (string | number | Secret)[];

/**
 * Builds a command for /bin/sh (dash on Debian: no arrays, no `$'..'`). Values are quoted; arrays become several words;
 * a nested command is put in as it is.
 */
export function sh(strings: TemplateStringsArray, ...parts: readonly Part[]): ShellCommand {
  let text = strings[0] ?? '';
  let masked = text;
  for (const [index, part] of parts.entries()) {
    const rest = strings[index + 1] ?? '';
    text += partText(part, false) + rest;
    masked += partText(part, true) + rest;
  }
  return { text, masked, secrets: parts.flatMap(partSecrets), isShellCommand: true };
}

/** Commands one after the other; the first that fails ends it. */
export function allOf(...commands: readonly ShellCommand[]): ShellCommand {
  return {
    text: commands.map((command) => command.text).join(' && '),
    masked: commands.map((command) => command.masked).join(' && '),
    secrets: commands.flatMap((command) => command.secrets),
    isShellCommand: true,
  };
}

/** A script of one's own templates/ or of the user, as it is: the caller vouches for it. */
export function script(text: string): ShellCommand {
  return { text, masked: text, secrets: [], isShellCommand: true };
}

/** One word for /bin/sh, quoted where it must be. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function partText(part: Part, mask: boolean): string {
  if (Array.isArray(part)) return part.map((word) => wordText(word, mask)).join(' ');
  if (typeof part === 'object' && 'isShellCommand' in part) return mask ? part.masked : part.text;
  return wordText(part as string | number | Secret, mask);
}

function wordText(word: string | number | Secret, mask: boolean): string {
  if (word instanceof Secret) return mask ? '***' : quote(word.reveal());
  return quote(String(word));
}

function partSecrets(part: Part): readonly Secret[] {
  if (part instanceof Secret) return [part];
  if (Array.isArray(part)) return part.filter((word) => word instanceof Secret);
  return typeof part === 'object' && 'isShellCommand' in part ? part.secrets : [];
}
