import { etcdCa, etcdCertificateRenewal, type RenewCertificates } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** New certificates from the CA that is kept, one member at a time. */
export function renewEtcd(params: RenewCertificates): Pipeline {
  return definePipeline('renew-etcd-certificates', { gate: etcdCa, modules: [etcdCertificateRenewal(params)] });
}
