import { KubexmError } from '../../src/errors/index.js';
import { mustRun } from './command.js';

/** Where this machine's own apt finds Debian; KUBEXM_LAB_DEBIAN_MIRROR where it is set. */
export async function debianMirror(): Promise<string> {
  const own = process.env['KUBEXM_LAB_DEBIAN_MIRROR'];
  if (own) return own;
  const format = '$(ORIGIN)|$(LABEL)|$(REPO_URI)';
  const found = parseTargets(await mustRun(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']));
  if (found) return found;
  throw new KubexmError('LAB_UNSUPPORTED', "this machine's apt configuration names no Debian mirror", {
    hint: 'set KUBEXM_LAB_DEBIAN_MIRROR to the URL of one',
  });
}

export function parseTargets(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.split('|'));
  return lines.find(([origin, label]) => origin === 'Debian' && label === 'Debian')?.[2];
}

/** The machine's own apt settings that decide whether a mirror can be reached and is believed. */
export async function aptSettings(): Promise<string> {
  return pickSettings(await mustRun(['apt-config', 'dump']));
}

export function pickSettings(dump: string): string {
  const relevant = /^Acquire::(Check-|(https?::)?(Proxy|Verify|CaInfo|Timeout)|Retries)[^ ]* "[^"]+";$/;
  return dump
    .split('\n')
    .filter((line) => relevant.test(line))
    .map((line) => `${line}\n`)
    .join('');
}
