import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { readClusterFile, renderDiagnostic } from '../config/index.js';
import { colorsWanted } from '../logger/style.js';
import { type Io, note } from './io.js';

/** The config of `-f`; its warnings are shown, its errors thrown all at once. */
export async function loadConfig(path: string, io: Io): Promise<Cluster> {
  const { cluster, warnings } = await readClusterFile(path);
  const color = colorsWanted(io.env, io.stderr.isTTY === true);
  for (const warning of warnings) note(io, renderDiagnostic(warning, { color }));
  return cluster;
}
