import { hostPaths } from '../../common/host-paths.js';

export const etcdService = 'etcd.service';

export const etcdUnit = `${hostPaths.units}/${etcdService}`;

/** What a running member must have been started with. */
export const etcdInputs: readonly string[] = [
  hostPaths.etcd.config,
  etcdUnit,
  `${hostPaths.bin}/etcd`,
  ...['ca', 'server', 'server-key', 'peer', 'peer-key'].map((name) => `${hostPaths.etcd.pki}/${name}.pem`),
];
