import { readFile } from 'node:fs/promises';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../errors/index.js';
import { type ExecutionGraph, graphFromJson } from '../plan/index.js';
import { type StepContext, stepFromData } from '../step/index.js';

/** Reads a plan of `cluster plan --save`. Its hosts must be those of the config: only it says how they are reached. */
export async function readSavedPlan(path: string, { spec }: Cluster): Promise<ExecutionGraph<StepContext>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new KubexmError('USAGE', `the plan ${path} cannot be read`, {
      cause,
      hint: `kubexm cluster plan --save ${path}`,
    });
  });
  const graph = graphFromJson(parse(path, text), stepFromData);
  const known = new Set(spec.hosts.map((host) => host.name));
  const foreign = graph.hosts.filter((host) => !known.has(host));
  if (foreign.length === 0) return graph;
  throw new KubexmError(
    'GRAPH_INVALID',
    `the plan ${path} is for hosts that the config does not have: ${foreign.join(', ')}`,
    {
      hint: 'plan again with this config',
      retryable: false,
    },
  );
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KubexmError('USAGE', `${path} is no JSON`, { cause, hint: `kubexm cluster plan --save ${path}` });
  }
}
