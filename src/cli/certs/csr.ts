import { resolve } from 'node:path';
import { plural } from '../../logger/index.js';
import { writeRequests } from '../../runtime/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { withRuntime } from '../session.js';
import { signedElsewhereIn } from './elsewhere.js';
import { wholeDays } from './show.js';

interface CsrOptions extends CommonOptions {
  readonly withinDays: string;
}

/** `kubexm certs csr DIR` */
export async function run({ options, args: [dir = ''], io }: Invocation<CsrOptions>): Promise<void> {
  const cluster = await loadConfig(options.config, io);
  const { name } = cluster.metadata;
  const withinDays = wholeDays('--within-days', options.withinDays);
  const directory = resolve(io.cwd, dir);
  await withRuntime({ cluster, io, exclusive: true }, async (runtime) => {
    const certificates = signedElsewhereIn(runtime.planContext());
    const requests = await writeRequests({ certificates, directory, cluster: name, withinDays });
    if (options.output === 'json') return printJson(io, { cluster: name, directory, requests });
    for (const { host, name: file, because } of requests) print(io, `${host}/${file}.csr: ${because}`);
    print(
      io,
      `${plural(requests.length, 'request')} of ${plural(certificates.length, 'certificate')} in ${directory}.`,
    );
    if (requests.length > 0)
      note(io, `Have them signed as index.json says, as HOST/NAME.crt. Next: kubexm certs import-signed ${dir}`);
  });
}
