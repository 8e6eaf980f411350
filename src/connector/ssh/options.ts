import type { Secret } from '../../secrets/index.js';

/** How kubexm logs in. Key paths may begin with `~/`. */
export type SshLogin =
  | { readonly type: 'privateKey'; readonly path: string; readonly passphrase?: Secret }
  | { readonly type: 'password'; readonly password: Secret }
  | { readonly type: 'agent' };

/** One machine to connect to; what is absent is taken from ~/.ssh/config, then from OpenSSH's defaults. */
export interface SshEndpoint {
  /** As the user calls it in the config; the address where there is no name. */
  readonly name?: string;
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  readonly login?: SshLogin;
  /** Pins the host key: `ssh-ed25519 AAAA…` or `SHA256:…`. */
  readonly hostKey?: string;
  /** The hop before this one. */
  readonly bastion?: SshEndpoint;
}

/** Where host keys are looked up. The user's file is only read; first use is recorded in the cluster's. */
export interface KnownHosts {
  /** Default ~/.ssh/known_hosts. */
  readonly userFile?: string;
  readonly clusterFile: string;
}

/** A host key that was seen for the first time, and recorded. */
export interface FirstUse {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** `ssh-ed25519` */
  readonly keyType: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly recordedIn: string;
}

export interface SshOptions extends SshEndpoint {
  readonly name: string;
  readonly knownHosts: KnownHosts;
  /** For the TCP connection, and again for handshake and login. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Between probes of an idle connection; three lost ones end it. Default 10 s. */
  readonly keepaliveMs?: number;
  /** Default 8; lowered by itself where the host's sshd allows fewer sessions. */
  readonly maxChannels?: number;
  readonly onFirstUse?: (use: FirstUse) => void;
  /** Default ~/.ssh/config; `false` reads none. */
  readonly sshConfigFile?: string | false;
}

/** An endpoint with everything decided. */
export interface SshTarget {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Tried in this order. */
  readonly logins: readonly SshLogin[];
  readonly hostKey: string | undefined;
  readonly bastion: SshTarget | undefined;
}

/** `root@10.0.0.1:22` */
export function targetText({ user, address, port }: Pick<SshTarget, 'user' | 'address' | 'port'>): string {
  return `${user}@${address.includes(':') ? `[${address}]` : address}:${port}`;
}
