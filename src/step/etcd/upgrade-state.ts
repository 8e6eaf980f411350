import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { defineStep, satisfied } from '../define.js';
import { installedVersion, readMark, type UpgradeMark } from './upgrade-programs.js';

/** What a host of etcd has in place. Versions with v. */
export interface EtcdProgramsReport {
  /** Absent: there is no program. */
  readonly installed?: string;
  /** An upgrade of this member has begun and not ended. */
  readonly mark?: UpgradeMark;
}

/** Reads which etcd is in place, and whether an upgrade of it was interrupted. */
export const readEtcdPrograms = defineStep<{ readonly report: string }>({
  kind: 'etcd.read-programs',
  title: () => 'Read which etcd is installed',
  recheck: false,
  async precheck(ctx, p) {
    const [installed, mark] = await Promise.all([installedVersion(ctx), readMark(ctx)]);
    const report: EtcdProgramsReport = {
      ...(installed === undefined ? {} : { installed }),
      ...(mark === undefined ? {} : { mark }),
    };
    ctx.log('debug', p.report, report as Json);
    return satisfied(installed ?? 'not installed');
  },
  run: () => Promise.resolve(),
});

/**
 * Refuses to bring another version to a member that has data: that is for `kubexm etcd upgrade`, which takes a snapshot and
 * goes one by one. `version`: of the config, with v.
 */
export const guardEtcdVersion = defineStep<{ readonly version: string }>({
  kind: 'etcd.guard-version',
  title: (p) => `Check that etcd is ${p.version} already where it has data`,
  recheck: false,
  async precheck(ctx, { version }) {
    const [installed, mark] = await Promise.all([installedVersion(ctx), readMark(ctx)]);
    if (mark) {
      throw new KubexmError('GUARD_REFUSED', `${ctx.host.name}: an upgrade of etcd to ${mark.to} was not finished`, {
        hint: `kubexm etcd upgrade --to ${mark.to}`,
        retryable: false,
      });
    }
    if (installed === undefined) return satisfied('etcd is not installed yet');
    if (installed === version) return satisfied(`is ${version}`);
    throw new KubexmError('GUARD_REFUSED', `${ctx.host.name} has etcd ${installed}, the config asks for ${version}`, {
      hint: `kubexm etcd upgrade --to ${version}; or stay, with etcd.version: ${installed} in the config`,
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});
