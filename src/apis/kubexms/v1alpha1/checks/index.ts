import { checkAddons } from './addons.js';
import { checkCerts } from './certs.js';
import type { Check } from './context.js';
import { checkControlPlane } from './control-plane.js';
import { checkEndpoint } from './endpoint.js';
import { checkEtcd } from './etcd.js';
import { checkHosts } from './hosts.js';
import { checkLogins } from './logins.js';
import { checkNetwork } from './network.js';
import { checkMembers, checkRoles } from './roles.js';
import { checkRuntimes } from './runtimes.js';
import { checkSecrets } from './secrets.js';
import { checkVersions } from './versions.js';

/** All rules across fields. */
export const checks: readonly Check[] = [
  checkHosts,
  checkLogins,
  checkMembers,
  checkRoles,
  checkEndpoint,
  checkVersions,
  checkRuntimes,
  checkControlPlane,
  checkEtcd,
  checkNetwork,
  checkCerts,
  checkSecrets,
  checkAddons,
];
