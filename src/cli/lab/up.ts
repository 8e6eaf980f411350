import { labStatus, labUp } from '../../../lab/index.js';
import type { ChangeOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { hostCount } from './host-count.js';

export interface LabUpOptions extends ChangeOptions {
  readonly hosts: string;
}

/** `kubexm lab up` */
export async function run({ options, io }: Invocation<LabUpOptions>): Promise<void> {
  const hosts = hostCount(options.hosts);
  if (options.dryRun) {
    const { hosts: present } = await labStatus();
    return note(io, `would bring the lab to ${Math.max(hosts, present.length)} hosts; there are ${present.length} now`);
  }
  const state = await labUp({ hosts, log: (line) => note(io, line) });
  if (options.output === 'json') return printJson(io, state);
  print(io, `Config: ${state.clusterYamlPath}`);
  note(io, `Next: kubexm cluster create -f ${state.clusterYamlPath}`);
}
