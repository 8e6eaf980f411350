import type { Bastion, Cluster, Host, Login } from '../apis/kubexms/v1alpha1/index.js';
import { type Connector, localConnector, type SshEndpoint, type SshLogin, sshConnector } from '../connector/index.js';
import { KubexmError } from '../errors/index.js';
import { CONTROL_NODE } from '../plan/index.js';
import { createRunner, type HostRunner } from '../runner/index.js';
import type { Secret, SecretResolver, SecretSource } from '../secrets/index.js';

/** Runners by host name, made when they are first asked for; connections open when they are first used. */
export interface HostPool {
  runner(name: string): Promise<HostRunner>;
  close(): Promise<void>;
}

interface HostPoolOptions {
  readonly cluster: Cluster;
  readonly knownHostsFile: string;
  readonly resolver: SecretResolver;
  onNotice(line: string): void;
  onSecret(secret: Secret): void;
}

export function hostPool(options: HostPoolOptions): HostPool {
  const runners = new Map<string, Promise<HostRunner>>();
  const connectors: Connector[] = [];
  const open = async (name: string): Promise<HostRunner> => {
    if (name === CONTROL_NODE) {
      const connector = localConnector(CONTROL_NODE);
      connectors.push(connector);
      return createRunner(connector, { name, sudo: false });
    }
    const host = options.cluster.spec.hosts.find((each) => each.name === name);
    if (!host) throw new KubexmError('INTERNAL', `no host is named ${name}`);
    const connector = await connect(host, options);
    connectors.push(connector);
    const password =
      host.sudoPassword && host.user !== 'root'
        ? await secretOf(host.sudoPassword, `sudo password of ${host.user} on ${name}`, options)
        : undefined;
    return createRunner(connector, { name, sudo: password ? { password } : {} });
  };
  return {
    runner(name) {
      const known = runners.get(name) ?? open(name);
      runners.set(name, known);
      return known;
    },
    async close() {
      await Promise.allSettled(connectors.map((connector) => connector.close()));
    },
  };
}

async function connect(host: Host, options: HostPoolOptions): Promise<Connector> {
  return sshConnector({
    ...(await endpoint(host, host.name, options)),
    name: host.name,
    connectTimeoutMs: host.connectionTimeoutMs,
    knownHosts: { clusterFile: options.knownHostsFile },
    onFirstUse: ({ name, keyType, fingerprint, recordedIn }) =>
      options.onNotice(
        `${name}: host key ${keyType} ${fingerprint} seen for the first time, recorded in ${recordedIn}`,
      ),
  });
}

async function endpoint(at: Host | Bastion, name: string, options: HostPoolOptions): Promise<SshEndpoint> {
  return {
    name,
    address: at.address,
    port: at.port,
    user: at.user,
    login: await loginOf(at.login, `${at.user} on ${name}`, options),
    ...(at.hostKey === undefined ? {} : { hostKey: at.hostKey }),
    ...(at.bastion === undefined ? {} : { bastion: await endpoint(at.bastion, at.bastion.address, options) }),
  };
}

async function loginOf(login: Login, who: string, options: HostPoolOptions): Promise<SshLogin> {
  switch (login.type) {
    case 'agent':
      return login;
    case 'password':
      return { type: 'password', password: await secretOf(login.password, `Password of ${who}`, options) };
    case 'privateKey':
      return {
        type: 'privateKey',
        path: login.path,
        ...(login.passphrase === undefined
          ? {}
          : { passphrase: await secretOf(login.passphrase, `Passphrase of ${login.path}`, options) }),
      };
  }
}

async function secretOf(source: SecretSource, title: string, { resolver, onSecret }: HostPoolOptions): Promise<Secret> {
  const secret = await resolver.resolve(source, title);
  onSecret(secret);
  return secret;
}
