import { readFile } from 'node:fs/promises';
import { apiServers } from '../../apis/kubexms/v1alpha1/api-servers.js';
import { KubexmError } from '../../errors/index.js';
import { plural } from '../../logger/index.js';
import { type AdoptionObservation, adoptionOf, adoptionOfCluster, forecastAdoption } from '../../pipeline/index.js';
import { firstServing, kubeconfigServer } from '../../runtime/serving-api.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation } from '../operation.js';

/** `kubexm cluster adopt` */
export async function run({ options, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const speakers = new Set([...cluster.spec.roleGroups['control-plane'], ...cluster.spec.roleGroups.etcd]);
  let forecast: ReturnType<typeof forecastAdoption> = {
    fetch: [],
    notes: [],
    warnings: [],
    lacksAdministrator: false,
  };
  const { exitCode, kubeconfigPath } = await runOperation<AdoptionObservation>({
    cluster,
    options,
    io,
    name: 'cluster adopt',
    mayBeDown: (host) => !speakers.has(host),
    read: (runtime) => readCluster(runtime, adoptionOf),
    plan(ctx, observed) {
      forecast = forecastAdoption(ctx, observed);
      return adoptionOfCluster(observed).plan(ctx);
    },
    summary: () =>
      [
        `Work directory of ${cluster.metadata.name}: ${plural(forecast.fetch.length, 'file')} from the hosts${forecast.lacksAdministrator ? '' : ', and a kubeconfig'}; no host is changed`,
        ...[...forecast.notes, ...forecast.warnings].map((warning) => `  ${warning}`),
      ].join('\n'),
    next: () =>
      forecast.lacksAdministrator
        ? 'Next: kubexm certs csr DIR; have the requests signed; kubexm certs import-signed DIR; then kubexm certs renew --only kubeconfig'
        : 'Next: kubexm certs list; then kubexm cluster apply --dry-run shows what differs from the config',
  });
  if (exitCode !== 0 || options.dryRun || forecast.lacksAdministrator) return exitCode;
  const { credentials } = await kubeconfigServer(await readFile(kubeconfigPath, 'utf8'));
  const servers = apiServers(cluster);
  if ((await firstServing(servers, { credentials, timeoutMs: 10_000 })) !== undefined) return exitCode;
  throw new KubexmError('STEP_NOT_EFFECTIVE', `the API does not take the adopted kubeconfig at ${servers.join(', ')}`, {
    details: ['the work directory is written; whether it can be used from this machine is not proved'],
    hint: 'kubexm cluster status; is port 6443 of the control planes open for this machine?',
  });
}
