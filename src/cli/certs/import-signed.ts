import { resolve } from 'node:path';
import { plural } from '../../logger/index.js';
import { importSigned } from '../../runtime/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { withRuntime } from '../session.js';
import { signedElsewhereIn } from './elsewhere.js';
import { wholeDays } from './show.js';

interface ImportOptions extends CommonOptions {
  readonly minDays: string;
}

/** `kubexm certs import-signed DIR`. 3 where requests are left that nothing was signed for. */
export async function run({ options, args: [dir = ''], io }: Invocation<ImportOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const minDays = wholeDays('--min-days', options.minDays);
  const directory = resolve(io.cwd, dir);
  return await withRuntime({ cluster, io, exclusive: true }, async (runtime) => {
    const certificates = signedElsewhereIn(runtime.planContext());
    const imported = await importSigned({ certificates, directory, minDays });
    const { stored, same, waiting } = imported;
    const exitCode = waiting.length > 0 ? 3 : 0;
    if (options.output === 'json') {
      printJson(io, { cluster: cluster.metadata.name, directory, exitCode, ...imported });
      return exitCode;
    }
    print(io, `${plural(stored.length, 'certificate')} stored, ${same.length} there already.`);
    for (const each of waiting) note(io, `${each}: nothing was signed for its request`);
    if (waiting.length === 0) note(io, 'Next: kubexm cluster create; where the cluster is there: kubexm certs renew');
    return exitCode;
  });
}
