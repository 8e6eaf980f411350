import * as z from 'zod';
import { type HostRuntimeInput, hostRuntimeSchema } from './container-runtime.js';
import { addressOrName, dnsName, duration, ipv4, port, text } from './formats.js';
import type { GlobalInput } from './global.js';
import { bastionSchema, hostKey, loginFields, sudoPasswordOf, toBastion, toLogin, user } from './login.js';
import { compact } from './objects.js';
import type { PathExpander } from './paths.js';
import { optionalSecret, secretInput } from './secret-source.js';
import type { ContainerRuntime, Host, Login, Role, Taint } from './types.js';
import { durationMs } from './units.js';

const keyForm = 'a label key such as disk or example.com/disk';
const labelKey = text(
  /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/,
  keyForm,
);
const valueForm =
  'a label value: at most 63 letters, digits, dashes, dots and underscores, in quotes where it is a number';
const labelValue = z
  .string({ error: `must be a text; put it in quotes` })
  .regex(/^(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?$/, {
    error: ({ input }) => `${JSON.stringify(input)} is not ${valueForm}`,
  });

const taintText = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/;
const taintForm = 'not a taint; write "key=value:NoSchedule" or { key: KEY, value: VALUE, effect: NoSchedule }';
const taint = z.union(
  [
    z.string().regex(taintText, { error: taintForm }),
    z.strictObject({
      key: labelKey.describe('Key of the taint.'),
      value: labelValue.optional().describe('Value of the taint.'),
      effect: z
        .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
        .describe('What happens to pods that do not tolerate it.'),
    }),
  ],
  { error: taintForm },
);

/** One machine. */
export const hostSchema = z.strictObject({
  name: dnsName.describe('Name of the host: its hostname, its Kubernetes node name and its etcd member name.'),
  address: addressOrName.describe('Where SSH connects to: an IPv4 address or a DNS name.'),
  internalAddress: ipv4.optional().describe('IPv4 address the components use between themselves; default: `address`.'),
  port: port.optional().describe('SSH port; default: `global.port`.'),
  user: user.optional().describe('Login name; default: `global.user`.'),
  arch: z.enum(['amd64', 'arm64']).optional().describe('Processor architecture; default: asked from the host.'),
  ...loginFields,
  sudoPassword: secretInput.optional().describe('Password for sudo; default: the login password where there is one.'),
  hostKey: hostKey.optional().describe('Pinned host key: `ssh-ed25519 AAAA...` or `SHA256:...`.'),
  bastion: bastionSchema.optional().describe('Host to jump through; default: `global.bastion`.'),
  connectionTimeout: duration.optional().describe('How long connecting may take; default: `global.connectionTimeout`.'),
  labels: z.record(labelKey, labelValue).default({}).describe('Labels of the Kubernetes node.'),
  annotations: z
    .record(labelKey, z.string({ error: 'must be a text; put it in quotes' }))
    .default({})
    .describe('Annotations of the Kubernetes node.'),
  taints: z.array(taint).default([]).describe('Taints of the Kubernetes node: `key=value:NoSchedule`.'),
  containerRuntime: hostRuntimeSchema
    .optional()
    .describe('What runs containers here, where it differs from `kubernetes.containerRuntime`.'),
});

export type HostInput = z.output<typeof hostSchema>;

interface Inherited {
  readonly global: GlobalInput;
  readonly rolesOf: (name: string) => readonly Role[];
  readonly runtimeOf: (own: HostRuntimeInput | undefined) => ContainerRuntime;
  readonly expandPath: PathExpander;
}

/** Every host with what it takes from `global`; checkLogins has made sure that each has a login. */
export function resolveHosts(
  hosts: readonly HostInput[],
  { global, rolesOf, runtimeOf, expandPath }: Inherited,
): readonly Host[] {
  // Resolved once: a secret that many hosts share stays one object, and is asked for once.
  const globalLogin = toLogin(global, expandPath);
  const globalSudo = optionalSecret(global.sudoPassword, expandPath);
  return hosts.map((host) => {
    const login: Login = toLogin(host, expandPath) ?? globalLogin ?? { type: 'agent' };
    const userName = host.user ?? global.user;
    const bastion = host.bastion ?? global.bastion;
    return compact({
      name: host.name,
      address: host.address,
      internalAddress: host.internalAddress ?? host.address,
      port: host.port ?? global.port,
      user: userName,
      arch: host.arch,
      login,
      sudoPassword: sudoPasswordOf(optionalSecret(host.sudoPassword, expandPath) ?? globalSudo, login),
      hostKey: host.hostKey,
      bastion: bastion && toBastion(bastion, { user: userName, login }, expandPath),
      labels: host.labels,
      annotations: host.annotations,
      taints: host.taints.map(toTaint),
      containerRuntime: runtimeOf(host.containerRuntime),
      roles: rolesOf(host.name),
      connectionTimeoutMs: durationMs(host.connectionTimeout ?? global.connectionTimeout),
    });
  });
}

function toTaint(input: HostInput['taints'][number]): Taint {
  if (typeof input !== 'string') return compact(input);
  const [, key = '', value, effect] = taintText.exec(input) ?? [];
  return compact({ key, value: value === '' ? undefined : value, effect: effect as Taint['effect'] });
}
