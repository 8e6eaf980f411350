import { certificateReads, observeAllCertificates } from '../../module/index.js';
import { defineReading } from '../reading.js';

/** All certificates of the cluster as they lie on the hosts. */
export const certificatesOf = defineReading('certificates', certificateReads, observeAllCertificates);
