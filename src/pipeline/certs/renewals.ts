import {
  defineModule,
  observeAllCertificates,
  readAllCertificates,
  readRenewals,
  renewalProblems,
} from '../../module/index.js';
import { defineReading } from '../reading.js';

/** All certificates of the cluster; `others`: what is wrong with the renewals that hosts do by themselves. */
export const certificatesAndRenewals = defineReading(
  'certificates',
  defineModule('certificates', [readAllCertificates, readRenewals]),
  (ctx, findings) => ({
    certificates: observeAllCertificates(ctx, findings),
    others: renewalProblems(ctx, findings),
  }),
);
