import type { EncryptionAtRest, ExtraArgs, ExtraVolume } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { EtcdAccess } from '../../step/index.js';
import type { PlanContext } from '../context.js';
import { etcdForApiserver } from '../etcd/endpoints.js';
import { servingHosts } from '../kubernetes/init-host.js';

const { directory, config } = hostPaths.encryption;

/** Path of the keys on the control machine. */
export function encryptionKeyFile({ workDirs }: PlanContext): string {
  return `${workDirs.getCertsDir('kubernetes')}/encryption-keys.json`;
}

/** What the config asks to be encrypted; nothing where it has no such section. */
export function encryptedResources({ cluster }: PlanContext): EncryptionAtRest['resources'] {
  return cluster.spec.kubernetes.encryptionAtRest?.resources ?? [];
}

/** Control planes that have keys already. */
export function encryptingHosts(ctx: PlanContext): readonly string[] {
  return servingHosts(ctx).filter((host) => ctx.facts.get(host)?.leftovers.includes(config));
}

/** What makes kube-apiserver read the file, and read it again when it changes. */
export const encryptionFlags: ExtraArgs = {
  'encryption-provider-config': config,
  'encryption-provider-config-automatic-reload': 'true',
};

/** The directory and not the file: a file that is replaced would stay the old one in the pod. */
export const encryptionVolume: ExtraVolume = {
  name: 'kubexm-encryption',
  hostPath: directory,
  mountPath: directory,
  readOnly: true,
  pathType: 'Directory',
};

/** Throws where an apiserver without its keys would be asked for: it could read nothing of what is encrypted. */
export function refuseWithoutKeys(ctx: PlanContext): void {
  const hosts = encryptingHosts(ctx);
  if (hosts.length === 0 || ctx.cluster.spec.kubernetes.encryptionAtRest !== undefined) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    'etcd holds objects encrypted, and the cluster file does not ask for that any more',
    {
      details: [
        `${hosts.join(', ')}: ${config} is there`,
        'without it the apiservers could not read these objects; removing the section decrypts nothing',
      ],
      hint: 'put spec.kubernetes.encryptionAtRest back; or kubexm secrets decrypt, which writes everything in clear first',
      retryable: false,
    },
  );
}

/** How control planes reach etcd, and where its objects are. */
export function etcdAccess(ctx: PlanContext): EtcdAccess {
  const prefix = ctx.cluster.spec.kubernetes.apiServer.extraArgs['etcd-prefix'] ?? '/registry';
  return { ...etcdForApiserver(ctx), prefix };
}
