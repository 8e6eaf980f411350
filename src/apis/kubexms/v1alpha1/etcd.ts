import * as z from 'zod';
import { absolutePath, extraArgs, size, text, texts, url, versionWithV } from './formats.js';
import { compact } from './objects.js';
import type { PathExpander } from './paths.js';
import type { Etcd } from './types.js';
import { bytes } from './units.js';
import type { VersionSet } from './versions.js';

const retentionForm = 'not a retention; write a duration such as 8h, or a number of revisions in mode revision';

const performance = z.strictObject({
  heartbeatIntervalMs: z
    .int()
    .min(10)
    .max(10_000)
    .default(100)
    .describe('Milliseconds between heartbeats of the leader.'),
  electionTimeoutMs: z
    .int()
    .min(50)
    .max(50_000)
    .default(1000)
    .describe('Milliseconds without heartbeat until an election.'),
  snapshotCount: z.int().min(100).default(10_000).describe('Transactions between snapshots on disk.'),
  quotaBackendBytes: size.default('8Gi').describe('Largest database; etcd advises no more than 8Gi.'),
  autoCompactionMode: z.enum(['periodic', 'revision']).default('periodic').describe('How old revisions are dropped.'),
  autoCompactionRetention: z
    .union([z.string().regex(/^(?:\d+|(?:\d+(?:s|m|h))+)$/, { error: retentionForm }), z.int().min(0)], {
      error: retentionForm,
    })
    .default('8h')
    .describe('What compaction keeps: a duration, or a number of revisions.'),
  maxRequestBytes: size.default(1_572_864).describe('Largest request.'),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'panic', 'fatal'])
    .default('info')
    .describe('How much etcd logs.'),
  metricsUrls: z
    .array(url)
    .default([])
    .describe('Where metrics are served besides the client port: `http://0.0.0.0:2381`.'),
});

const backup = z.strictObject({
  schedule: z
    .string()
    .min(1)
    .optional()
    .describe('When: a systemd calendar expression such as `daily` or `*-*-* 02:00:00`; absent: only by command.'),
  keep: z.int().min(1).max(1000).default(7).describe('How many snapshots are kept.'),
  dir: absolutePath.default('/var/backups/etcd').describe('Directory on the etcd hosts.'),
});

const clientFile = z.string().min(1);

export const etcdSchema = z.strictObject({
  type: z
    .enum(['kubexm', 'external'])
    .default('kubexm')
    .describe('`kubexm` installs etcd; `external` uses one that exists.'),
  version: versionWithV('v3.6.14').optional().describe('Version of etcd, with v; default: see the table of versions.'),
  dataDir: absolutePath.default('/var/lib/etcd').describe('Directory of the data on the etcd hosts.'),
  extraArgs,
  performance: performance.prefault({}).describe('Settings that depend on disks, network and size.'),
  backup: backup.prefault({}).describe('Snapshots by time.'),
  external: z
    .strictObject({
      endpoints: z
        .array(text(/^https:\/\/[^\s/]+:\d+$/, 'an endpoint such as https://10.0.0.11:2379'))
        .min(1)
        .describe('URLs of all members.'),
      caFile: clientFile.describe('CA of the members, on the control machine.'),
      certFile: clientFile.describe('Client certificate of the API servers, on the control machine.'),
      keyFile: clientFile.describe('Its key, on the control machine.'),
    })
    .optional()
    .describe('The etcd that exists; only with `type: external`.'),
});

export type EtcdInput = z.output<typeof etcdSchema>;

export function resolveEtcd(input: EtcdInput, versions: VersionSet, expandPath: PathExpander): Etcd {
  if (input.type === 'external' && input.external !== undefined) {
    const { endpoints, caFile, certFile, keyFile } = input.external;
    const files = { caFile: expandPath(caFile), certFile: expandPath(certFile), keyFile: expandPath(keyFile) };
    return { type: 'external', endpoints, ...files };
  }
  const { performance: tuning } = input;
  return {
    type: 'kubexm',
    version: input.version ?? versions.etcd,
    dataDir: input.dataDir,
    extraArgs: texts(input.extraArgs),
    performance: {
      ...tuning,
      quotaBackendBytes: bytes(tuning.quotaBackendBytes),
      maxRequestBytes: bytes(tuning.maxRequestBytes),
      autoCompactionRetention: String(tuning.autoCompactionRetention),
    },
    backup: compact(input.backup),
  };
}
