import { defineModule, type RenewAll, renewAllCertificates, requireAuthorities } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** New certificates from the CAs that are kept, one host at a time. */
export function renewCertificates(params: RenewAll): Pipeline {
  return definePipeline('renew-certificates', {
    gate: defineModule('authorities', [requireAuthorities(params)]),
    modules: [defineModule('certificates', [renewAllCertificates(params)])],
  });
}
