import { stringify } from 'yaml';
import type {
  Audit,
  Bastion,
  Cluster,
  ContainerRuntime,
  ControlPlaneEndpoint,
  Etcd,
  Host,
  Kubernetes,
  Login,
} from '../apis/kubexms/v1alpha1/index.js';
import { unreachable } from '../errors/index.js';

/** The config with everything filled in, as YAML that reads back to the same cluster. Secrets show where they come from, plain ones `***`. */
export function showCluster(cluster: Cluster): string {
  const { apiVersion, kind, metadata, spec } = cluster;
  const written = {
    apiVersion,
    kind,
    metadata,
    spec: {
      ...spec,
      hosts: spec.hosts.map((host) => writtenHost(host, spec.kubernetes.containerRuntime)),
      kubernetes: writtenKubernetes(spec.kubernetes),
      controlPlaneEndpoint: writtenEndpoint(spec.controlPlaneEndpoint),
      etcd: writtenEtcd(spec.etcd),
      registry: {
        ...spec.registry,
        auths: mapValues(spec.registry.auths, (auth) => ({ ...auth, password: writtenSecret(auth.password) })),
      },
    },
  };
  return stringify(written, { aliasDuplicateObjects: false, lineWidth: 0 });
}

type SecretSource = NonNullable<Host['sudoPassword']>;

function writtenHost(host: Host, clusterRuntime: ContainerRuntime): object {
  const { login, sudoPassword, bastion, connectionTimeoutMs, containerRuntime } = host;
  const derived = new Set(['roles', 'login', 'sudoPassword', 'bastion', 'connectionTimeoutMs', 'containerRuntime']);
  const { sandboxImage: _ofTheCluster, ...ownRuntime } = containerRuntime;
  return {
    ...Object.fromEntries(Object.entries(host).filter(([key]) => !derived.has(key))),
    ...writtenLogin(login),
    ...(sudoPassword === undefined ? {} : { sudoPassword: writtenSecret(sudoPassword) }),
    ...(bastion === undefined ? {} : { bastion: writtenBastion(bastion) }),
    ...(containerRuntime === clusterRuntime ? {} : { containerRuntime: writtenRuntime(ownRuntime) }),
    connectionTimeout: `${connectionTimeoutMs}ms`,
  };
}

function writtenKubernetes({ apiServer, containerRuntime, ...rest }: Kubernetes): object {
  const { audit, ...settings } = apiServer;
  return {
    ...rest,
    containerRuntime: writtenRuntime(containerRuntime),
    apiServer: { ...settings, ...(audit === undefined ? {} : { audit: writtenAudit(audit) }) },
  };
}

function writtenAudit({ policy, ...audit }: Audit): object {
  return { ...audit, ...(policy.type === 'inline' ? { policy: policy.policy } : { policyFile: policy.path }) };
}

function writtenRuntime(runtime: Omit<ContainerRuntime, 'sandboxImage'> | ContainerRuntime): object {
  if (!('docker' in runtime)) return runtime;
  const { repository, ...docker } = runtime.docker;
  const { type, ...own } = repository;
  const written = type === 'own' ? { repository: own } : type === 'distribution' ? { repository: type } : {};
  return { ...runtime, docker: { ...docker, ...written } };
}

function writtenBastion({ login, bastion, ...hop }: Bastion): object {
  return { ...hop, ...writtenLogin(login), ...(bastion === undefined ? {} : { bastion: writtenBastion(bastion) }) };
}

function writtenLogin(login: Login): object {
  switch (login.type) {
    case 'privateKey': {
      const { path, passphrase } = login;
      return {
        privateKeyPath: path,
        ...(passphrase === undefined ? {} : { privateKeyPassphrase: writtenSecret(passphrase) }),
      };
    }
    case 'password':
      return { password: writtenSecret(login.password) };
    case 'agent':
      return { agent: true };
    default:
      return unreachable(login);
  }
}

function writtenSecret(secret: SecretSource): object | string {
  return 'plain' in secret ? secret.plain.toString() : secret;
}

function writtenEndpoint(endpoint: ControlPlaneEndpoint): object {
  return endpoint.type === 'internal' ? { ...endpoint, address: '' } : endpoint;
}

function writtenEtcd(etcd: Etcd): object {
  if (etcd.type === 'kubexm') return etcd;
  const { type, ...external } = etcd;
  return { type, external };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
