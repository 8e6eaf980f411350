import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { type DiskNeed, diskFindings } from './disk-space.js';

const gib = 2 ** 30;
const need = (path: string, over: Partial<DiskNeed> = {}): DiskNeed => ({
  path,
  bytes: 2 * gib,
  until: ['/etc/kubernetes/kubelet.conf'],
  holds: [path],
  ...over,
});
const needs = [need('/var/lib/containerd'), need('/var/lib/kubelet', { bytes: gib })];
const oneDisk = { '/var/lib/containerd': '/dev/vda1', '/var/lib/kubelet': '/dev/vda1' };
const twoDisks = { '/var/lib/containerd': '/dev/vda1', '/var/lib/kubelet': '/dev/vdb1' };

async function findingsOf({
  free,
  disks = oneDisk,
  joined = false,
  used = '0\ttotal\n0\ttotal\n',
}: {
  readonly free: number;
  readonly disks?: Readonly<Record<string, string>>;
  readonly joined?: boolean;
  readonly used?: string;
}) {
  const { ctx, host } = hostTrial({
    facts: { freeBytes: { '/var/lib/containerd': free, '/var/lib/kubelet': free }, fileSystems: disks },
    files: joined ? { '/etc/kubernetes/kubelet.conf': '' } : {},
    commands: [[/du -sxkc/, used]],
  });
  const facts = await host.facts({ diskPaths: [], commands: [] });
  host.operations.length = 0;
  const findings = await diskFindings(ctx, facts, needs);
  return { findings, asked: host.operations.length };
}

test('where there is room for all, nothing more is asked', async () => {
  expect(await findingsOf({ free: 3 * gib })).toEqual({ findings: [], asked: 0 });
});

test('directories on one file system need their room together', async () => {
  const { findings } = await findingsOf({ free: 2.5 * gib });
  expect(findings).toEqual([
    {
      severity: 'error',
      message:
        '2560 MiB free on the file system of /var/lib/containerd, /var/lib/kubelet; 3072 are needed: /var/lib/containerd 2048, /var/lib/kubelet 1024',
      fix: 'make room on the file system of /var/lib/containerd',
    },
  ]);
});

test('and on two, each its own', async () => {
  expect((await findingsOf({ free: 2.5 * gib, disks: twoDisks })).findings).toEqual([]);
  expect((await findingsOf({ free: 1.5 * gib, disks: twoDisks })).findings).toMatchObject([
    { message: '1536 MiB free for /var/lib/containerd, 2048 are needed' },
  ]);
});

describe('what is there already is not asked for again', () => {
  test('on a host that is installed', async () => {
    expect((await findingsOf({ free: 0, joined: true })).findings).toEqual([]);
  });

  test('after a run that was interrupted', async () => {
    const used = `${gib / 1024}\ttotal\n0\ttotal\n`;
    expect((await findingsOf({ free: 2.5 * gib, used })).findings).toEqual([]);
    expect((await findingsOf({ free: 1.5 * gib, used })).findings).toMatchObject([
      { message: expect.stringContaining('2048 are needed: /var/lib/containerd 1024, /var/lib/kubelet 1024') },
    ]);
  });

  test('but what could not be counted is', async () => {
    expect((await findingsOf({ free: 2.5 * gib, used: '\n\n' })).findings).toHaveLength(1);
  });
});

test('room that could not be read is a warning', async () => {
  const { ctx, host } = hostTrial();
  const facts = await host.facts({ diskPaths: [], commands: [] });
  expect(await diskFindings(ctx, facts, [need('/srv')])).toEqual([
    { severity: 'warning', message: 'the free space of /srv could not be read' },
  ]);
});
