import { hostPaths } from '../../common/host-paths.js';

export const etcdService = 'etcd.service';

export const etcdUnit = `${hostPaths.units}/${etcdService}`;

/**
 * What a running member must have been started with. Its own certificates are read anew in each handshake (seen with
 * v3.5.35 and v3.6.14), so they are not among these; the CA is read at the start.
 */
export const etcdInputs: readonly string[] = [
  hostPaths.etcd.config,
  etcdUnit,
  `${hostPaths.bin}/etcd`,
  `${hostPaths.etcd.pki}/ca.pem`,
];
