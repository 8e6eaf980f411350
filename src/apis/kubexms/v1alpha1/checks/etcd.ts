import { error, type Issue, warning } from '../issue.js';
import { bytes } from '../units.js';
import type { Check } from './context.js';

/** Above this etcd warns at start and recovers slowly. */
const advisedQuota = 8 * 2 ** 30;

/** Settings of etcd that contradict each other. */
export const checkEtcd: Check = {
  relies: ['etcd'],
  find: ({ input: { spec } }) => {
    const { type, external, performance } = spec.etcd;
    const tuning = ['spec', 'etcd', 'performance'];
    const issues: Issue[] = [];
    if (type === 'external' && external === undefined) {
      const hint =
        'external: { endpoints: [https://10.0.0.11:2379], caFile: ca.pem, certFile: client.pem, keyFile: client-key.pem }';
      issues.push(
        error('etcd-external', ['spec', 'etcd', 'type'], 'type external needs the section "external"', { hint }),
      );
    }
    if (type === 'kubexm' && external !== undefined) {
      const hint = 'write type: external, or remove the section';
      issues.push(
        error('etcd-external', ['spec', 'etcd', 'external'], 'only type external uses this section', {
          at: 'key',
          hint,
        }),
      );
    }
    if (performance.electionTimeoutMs < 5 * performance.heartbeatIntervalMs) {
      const message = `etcd wants at least five heartbeats in an election timeout: ${5 * performance.heartbeatIntervalMs} or more`;
      issues.push(error('etcd-timing', [...tuning, 'electionTimeoutMs'], message));
    }
    if (bytes(performance.quotaBackendBytes) > advisedQuota) {
      issues.push(warning('etcd-quota', [...tuning, 'quotaBackendBytes'], 'etcd advises no more than 8Gi'));
    }
    if (performance.autoCompactionMode === 'revision' && !/^\d+$/.test(String(performance.autoCompactionRetention))) {
      const message = 'in mode revision this is a number of revisions, such as 1000';
      issues.push(error('etcd-compaction', [...tuning, 'autoCompactionRetention'], message));
    }
    return issues;
  },
};
