import { posix } from 'node:path';
import { KubexmError } from '../../errors/index.js';
import { allOf, sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';
import { keepFile, putBack } from './kept-file.js';
import { lateText } from './late-text.js';
import type { FileChecksum, MakeDirectory, RemoveFile } from './params.js';
import { permissionsDiffer, setPermissions } from './permissions.js';

/** Reads a file's digest and, where one is expected, compares. It changes nothing: a difference is an error. */
export const fileChecksum = defineStep({
  kind: 'file.checksum',
  title: (p: FileChecksum) => `Check the checksum of ${p.path}`,
  writes: (p) => (p.output ? [p.output.$output] : []),
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const found = await host.stat(p.path, { sha256: true, signal });
    if (found?.sha256 === undefined) {
      const what = found ? `is a ${found.type}, so it has no checksum` : 'does not exist';
      throw new KubexmError('FILE_MISSING', `${host.name}: ${p.path} ${what}`);
    }
    const expected = p.sha256 === undefined ? undefined : lateText(ctx, p.sha256);
    if (expected !== undefined && found.sha256 !== expected) {
      throw new KubexmError('ARTIFACT_CHECKSUM', `${host.name}: ${p.path} is not the file that is expected`, {
        details: [`expected sha256 ${expected}`, `found    sha256 ${found.sha256}`],
      });
    }
    if (p.output) ctx.write(p.output, found.sha256);
    return satisfied(expected === undefined ? `sha256 is ${found.sha256}` : 'the checksum matches');
  },
  run: async () => undefined,
});

/** Removes a file, or with `recursive` a directory and all that is in it. */
export const removeFile = defineStep({
  kind: 'file.remove',
  title: (p: RemoveFile) => `Remove ${p.path}`,
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    refuseSystemPath(p.path);
    const found = await host.stat(p.path, { signal });
    if (!found) return satisfied('does not exist');
    if (found.type === 'directory' && p.recursive !== true) {
      throw new KubexmError('GUARD_REFUSED', `${host.name}: ${p.path} is a directory, not a file`, {
        retryable: false,
      });
    }
    return needed(`is there (${found.type})`, await keepFile(ctx, found));
  },
  run: ({ host, signal }, p) => host.remove(p.path, { signal, recursive: p.recursive ?? false }),
  rollback: ({ host }, p, before) => putBack(host, p.path, before),
});

/** Makes a directory, with its parents, of a given mode and owner. */
export const makeDirectory = defineStep({
  kind: 'file.directory',
  title: (p: MakeDirectory) => `Make the directory ${p.path}`,
  async precheck({ host, signal }, p) {
    const found = await host.stat(p.path, { signal });
    if (!found) return needed('missing', found);
    if (found.type !== 'directory') {
      throw new KubexmError('FILE_MISSING', `${host.name}: ${p.path} is a ${found.type}, where a directory belongs`, {
        hint: `look what it is for, then move it away on ${host.name}`,
        retryable: false,
      });
    }
    const difference = permissionsDiffer(host, found, { mode: p.mode ?? 0o755, owner: p.owner });
    return difference === undefined ? satisfied('mode and owner match') : needed(difference, found);
  },
  async run({ host, signal }, p) {
    const permissions = setPermissions(host, p.path, { mode: p.mode ?? 0o755, owner: p.owner });
    // The parents are for everyone to pass, whatever root's umask is.
    await host.run(allOf(sh`(umask 022; mkdir -p ${p.path})`, permissions), { signal });
  },
  async rollback({ host }, p, found) {
    if (found)
      await host.run(setPermissions(host, p.path, { mode: found.mode, owner: `${found.owner}:${found.group}` }));
    // Only an empty one: what others put there since is theirs.
    else await host.tryRun(sh`rmdir ${p.path}`);
  },
});

/** A mistake in a plan must not cost a host: top-level directories and relative paths are never removed. */
export function refuseSystemPath(path: string): void {
  const isSafe =
    posix.isAbsolute(path) && posix.normalize(path) === path && path.split('/').filter(Boolean).length >= 2;
  if (isSafe) return;
  throw new KubexmError('GUARD_REFUSED', `kubexm does not remove ${path === '' ? 'an empty path' : path}`, {
    retryable: false,
  });
}
