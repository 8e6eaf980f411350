import { etcdCertificateReads, observeCertificates } from '../../module/index.js';
import { defineReading } from '../reading.js';

/** etcd's certificates as they lie on the hosts. */
export const etcdCertificatesOf = defineReading('etcd-certificates', etcdCertificateReads, observeCertificates);
