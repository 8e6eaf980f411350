import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KubexmError } from '../../../src/errors/index.js';
import { mustRun, run } from '../../hosts/command.js';
import { cachedDirectory } from '../build/cache.js';
import { machineArchitecture, mirrorCacheDir } from '../locations.js';

/**
 * The path of a `promtool`, which checks Prometheus' rules: of this machine's own Debian release, unpacked into the cache and not installed. Fetched
 * once; delete the cache for a newer one.
 */
export async function promtool({ log }: { log: (line: string) => void }): Promise<string> {
  const directory = mirrorCacheDir('tools', `prometheus-${machineArchitecture()}`);
  const root = await cachedDirectory(directory, async (temporary) => {
    log('downloading promtool, of the Debian package prometheus …');
    await downloadPackage('prometheus', temporary);
    const [archive] = (await readdir(temporary)).filter((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new KubexmError('LAB_FAILED', 'apt-get downloaded no package prometheus');
    await mustRun(['dpkg-deb', '--extract', join(temporary, archive), temporary]);
    await rm(join(temporary, archive));
    await mustRun([join(temporary, 'usr/bin/promtool'), '--version']);
  });
  return join(root, 'usr/bin/promtool');
}

/** apt-get's own user may not write there, which is only a warning: it downloads as root then. */
async function downloadPackage(name: string, directory: string): Promise<void> {
  const download = ['env', '-C', directory, 'apt-get', '-q', 'download', name];
  if ((await run(download)).exitCode === 0) return;
  // The lists of packages may be older than the mirror's contents.
  await run(['apt-get', '-q', 'update']);
  await mustRun(download);
}
