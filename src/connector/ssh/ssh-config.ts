import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { KubexmError } from '../../errors/index.js';
import type { SshEndpoint, SshLogin, SshOptions, SshTarget } from './options.js';

/** The parts of ~/.ssh/config that matter here, for one host. */
type HostConfig = (host: string, user: string | undefined) => Readonly<Record<string, string | string[]>>;

/** Fills what the options leave open: from ~/.ssh/config for the host's address, then for its name, then with defaults. */
export async function resolveTarget(options: SshOptions): Promise<SshTarget> {
  const configOf = await readSshConfig(options.sshConfigFile ?? join(homedir(), '.ssh/config'));
  return resolveEndpoint(options, configOf, []);
}

/** Expands a leading `~/`. */
export function expandHome(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}

function resolveEndpoint(endpoint: SshEndpoint, configOf: HostConfig, seen: readonly string[]): SshTarget {
  const name = endpoint.name ?? endpoint.address;
  if (seen.length > 8) throw new KubexmError('USAGE', `the jump hosts of ${seen[0] ?? name} form a loop`);
  const byAddress = configOf(endpoint.address, endpoint.user);
  const configured = { ...configOf(name, endpoint.user), ...byAddress };
  const user = endpoint.user ?? text(configured['User']) ?? userInfo().username;
  const logins = endpoint.login ? [endpoint.login] : defaultLogins(list(configured['IdentityFile']));
  const jump = text(configured['ProxyJump']);
  const bastion = endpoint.bastion ?? (jump === undefined ? undefined : jumpEndpoint(jump, endpoint.login));
  return {
    name,
    // Only the address' own section may rename the address.
    address: text(byAddress['HostName'])?.replaceAll('%h', endpoint.address) ?? endpoint.address,
    port: endpoint.port ?? Number(text(configured['Port']) ?? 22),
    user,
    logins,
    hostKey: endpoint.hostKey,
    bastion: bastion && resolveEndpoint(bastion, configOf, [...seen, name]),
  };
}

/** `a,user@b:2222`: the last is the one next to the host. */
function jumpEndpoint(jump: string, login: SshLogin | undefined): SshEndpoint | undefined {
  if (jump.toLowerCase() === 'none') return undefined;
  let endpoint: SshEndpoint | undefined;
  for (const hop of jump.split(',')) {
    const [, user, address = hop, port] =
      /^(?:([^@]+)@)?\[?(.+?)\]?(?::(\d+))?$/.exec(hop.trim().replace('ssh://', '')) ?? [];
    endpoint = {
      address,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(login === undefined || login.type === 'password' ? {} : { login }),
      ...(endpoint === undefined ? {} : { bastion: endpoint }),
    };
  }
  return endpoint;
}

function defaultLogins(identityFiles: readonly string[]): SshLogin[] {
  const agent: SshLogin[] = process.env['SSH_AUTH_SOCK'] === undefined ? [] : [{ type: 'agent' }];
  const usual = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];
  const files = identityFiles.length > 0 ? identityFiles : usual.filter((path) => existsSync(expandHome(path)));
  return [...agent, ...files.map((path): SshLogin => ({ type: 'privateKey', path }))];
}

async function readSshConfig(file: string | false): Promise<HostConfig> {
  const lines = file === false ? '' : await configText(file, 0);
  if (lines === '') return () => ({});
  const { default: SSHConfig } = await import('ssh-config');
  const config = SSHConfig.parse(lines);
  return (host, user) => config.compute({ Host: host, ...(user === undefined ? {} : { User: user }) });
}

/** The file with the files that it includes; globs other than a last `*` are not followed. */
async function configText(file: string, depth: number): Promise<string> {
  let lines: string[];
  try {
    lines = (await readFile(file, 'utf8')).split('\n');
  } catch {
    return ''; // OpenSSH, too, does without
  }
  if (depth > 8) return '';
  const texts = await Promise.all(
    lines.map(async (line) => {
      const paths = /^\s*include[\s=]+(.+)$/i.exec(line)?.[1];
      if (paths === undefined) return line;
      const files = await Promise.all(paths.trim().split(/\s+/).map(includedFiles));
      return (await Promise.all(files.flat().map((included) => configText(included, depth + 1)))).join('\n');
    }),
  );
  return texts.join('\n');
}

async function includedFiles(pattern: string): Promise<string[]> {
  const path = resolve(homedir(), '.ssh', expandHome(pattern.replaceAll('"', '')));
  if (!path.endsWith('/*')) return [path];
  const { readdir } = await import('node:fs/promises');
  const names = await readdir(path.slice(0, -2)).catch(() => []);
  return names.toSorted((a, b) => (a < b ? -1 : 1)).map((entry) => join(path.slice(0, -2), entry));
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function list(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat();
}
