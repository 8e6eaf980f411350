import { hostPaths, ports } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, CONTROL_NODE, type Draft, draft, type HostName, type Ref } from '../../plan/index.js';
import {
  checkAccepted,
  checkEtcdHealth,
  checkServed,
  installKeyPair,
  removeFile,
  requireCa,
  type StepContext,
} from '../../step/index.js';
import { defineTask, hostsWithRole, internalAddress, type PlanContext, type Task } from '../context.js';
import { certificateFiles, signed } from '../pki.js';
import { etcdMembers } from './endpoints.js';
import type { EtcdHealth } from './health.js';
import { etcdLeaves } from './leaves.js';

const { pki } = hostPaths.etcd;

/** `renewBeforeDays`: certificates with no more days left than this are made anew. */
export interface RenewCertificates {
  readonly renewBeforeDays: number;
  readonly observed: EtcdHealth;
}

/** What must be known before anything changes: this machine has the cluster's own CA, and can sign with it. */
export const requireEtcdCa = defineTask('require-ca', (ctx) => {
  const g = draft<StepContext>('require-ca');
  g.add('ca', [CONTROL_NODE], requireCa({ files: certificateFiles(ctx, 'etcd', 'ca') }));
  return g.done();
});

/**
 * New leaves from the CA that is there, brought to one member after the other, then to one control plane after the other;
 * each is proved on the wire before the next. Nothing is restarted: members and apiservers read their files anew in each
 * handshake. Where certificates have run out already there is no quorum to keep: then all members get theirs at once.
 */
export function renewEtcdCertificates({ renewBeforeDays, observed }: RenewCertificates): Task {
  return defineTask('renew', (ctx) => {
    guard(observed);
    const g = draft<StepContext>('renew');
    const ca = g.shared(
      '/pki/etcd/required-ca',
      [CONTROL_NODE],
      requireCa({ files: certificateFiles(ctx, 'etcd', 'ca') }),
    );
    const made = etcdLeaves(ctx).map(({ name, subject, usages, sans }) =>
      signed(g, ctx, { component: 'etcd', name, ca, subject, usages, renewBeforeDays, ...(sans ? { sans } : {}) }),
    );
    bringEtcdLeaves(g, ctx, { made, atOnce: hasEnded(observed) });
    return g.done();
  });
}

/**
 * Leaves of the control machine to one member after the other (`atOnce`: to all), then to one control plane after the other;
 * each is proved on the wire before the next. The last Ref is the end of it all.
 */
export function bringEtcdLeaves(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { made, atOnce }: { readonly made: readonly Ref[]; readonly atOnce: boolean },
): readonly Ref[] {
  const members = etcdMembers(ctx);
  const endpoints = members.map(({ clientUrl }) => clientUrl);
  let turn: readonly Ref[] = made;
  const installed: Ref[] = [];
  for (const { name, clientUrl } of members) {
    const on = [name];
    const pairs = ['admin', 'server', 'peer'].map((file) =>
      g.add(`install-${file}-${name}`, on, installPair(ctx, file, name), { after: turn as After }),
    );
    const peerUrl = `https://${internalAddress(ctx, name)}:${ports.etcdPeer}`;
    const served = [
      g.add(`served-${name}`, on, checkServed({ endpoint: clientUrl, certificate: 'server', client: 'admin' }), {
        after: pairs,
      }),
      g.add(`served-peer-${name}`, on, checkServed({ endpoint: peerUrl, certificate: 'peer', client: 'peer' }), {
        after: pairs,
      }),
    ];
    if (atOnce) installed.push(...served);
    else turn = [g.add(`health-${name}`, on, checkEtcdHealth({ endpoints }), { after: served })];
  }
  if (atOnce)
    turn = [
      g.add('health', hostsWithRole(ctx, 'etcd').slice(0, 1), checkEtcdHealth({ endpoints }), { after: installed }),
    ];
  for (const host of hostsWithRole(ctx, 'control-plane')) {
    const pair = g.add(`install-client-${host}`, [host], installPair(ctx, client, host), { after: turn as After });
    turn = [g.add(`accepted-${host}`, [host], checkAccepted({ endpoints, client }), { after: pair })];
  }
  return leafFiles(ctx).map(({ host, file }) =>
    g.add(`forget-${file}-${host}`, [host], removeFile({ path: `${pki}/${file}.pem.previous` }), {
      after: turn as After,
    }),
  );
}

const client = 'apiserver-etcd-client';

function installPair(ctx: PlanContext, file: string, host: HostName) {
  const name = file === 'server' || file === 'peer' ? `${file}-${host}` : file;
  return installKeyPair({
    source: certificateFiles(ctx, 'etcd', name),
    target: { cert: `${pki}/${file}.pem`, key: `${pki}/${file}-key.pem` },
  });
}

/** Certificates and keys on the hosts, as file names without `.pem`. */
function leafFiles(ctx: PlanContext): readonly { readonly host: HostName; readonly file: string }[] {
  return etcdLeaves(ctx).flatMap(({ file, hosts }) =>
    hosts.flatMap((host) => [
      { host, file },
      { host, file: `${file}-key` },
    ]),
  );
}

/** Why new certificates must not be brought out now. */
function guard(observed: EtcdHealth): void {
  const ca = observed.certificates.filter(({ path, state }) => path === `${pki}/ca.pem` && state === 'present');
  const foreign = ca.filter(({ isOwn }) => isOwn !== true);
  if (ca.length === 0 || foreign.length > 0) {
    const own = foreign.some(({ isOwn }) => isOwn === false);
    throw new KubexmError(
      'GUARD_REFUSED',
      'the CA that the members trust is not in the work directory of this machine',
      {
        details: own
          ? foreign.map(({ host }) => `${pki}/ca.pem on ${host} is another one than that of the work directory`)
          : ['there is no CA to compare with, or no host could be asked for its own'],
        hint: 'run this in the directory whose .kubexm made the cluster, or bring its certs/etcd/ca.pem and ca-key.pem here',
        retryable: false,
      },
    );
  }
  if (hasEnded(observed) || observed.members.every(({ state }) => state === 'healthy')) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    'not all members of etcd are healthy, and no certificate of theirs has run out',
    {
      details: [observed.quorum, ...observed.problems],
      hint: 'make etcd healthy first: kubexm etcd health says what is wrong',
      retryable: false,
    },
  );
}

function hasEnded({ certificates }: EtcdHealth): boolean {
  return certificates.some(({ daysLeft }) => daysLeft !== undefined && daysLeft < 0);
}
