import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { memberList } from './etcdctl.js';
import { type EtcdDataDir, etcdDataOwner } from './members-data.js';

/** `content`: etcd.yaml without what is about the first start only. */
export interface WriteEtcdConfig extends EtcdDataDir {
  readonly target: string;
  readonly content: string;
  readonly name: string;
  readonly peerUrl: string;
  /** Client URLs of the members that it joins; none: it founds the cluster. */
  readonly endpoints: readonly string[];
  /** Tells clusters apart that begin with the same members. */
  readonly token: string;
}

const mode = 0o600;
const firstStart = /^initial-cluster(-state|-token)?:/;

/**
 * Writes etcd.yaml. etcd reads with whom it starts only while it has no data, so those lines are made from the member
 * list of that moment and are left alone ever after: members that come and go are no reason to restart the others.
 */
export const writeEtcdConfig = defineStep<WriteEtcdConfig>({
  kind: 'etcd.config',
  title: (p) => `Write ${p.target}`,
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const [text, found, owner] = await Promise.all([
      host.readFile(p.target, { signal }),
      host.stat(p.target, { signal }),
      etcdDataOwner(ctx, p),
    ]);
    if (text === undefined || !found) return needed('missing');
    await refuseOtherDataDir(ctx, p, text);
    if (settings(text) !== settings(p.content)) return needed('content differs');
    if (found.mode !== mode) return needed(`mode is ${found.mode.toString(8)}`);
    if (owner === undefined && text !== `${p.content}${await startLines(ctx, p)}`)
      return needed('the members with whom it is to start are others');
    return satisfied(owner === undefined ? 'content matches' : 'the settings match; etcd has its data');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const text = (await host.readFile(p.target, { signal })) ?? '';
    const kept = text.split('\n').filter((line) => firstStart.test(line));
    const owner = await etcdDataOwner(ctx, p);
    const lines = owner !== undefined && kept.length > 0 ? `${kept.join('\n')}\n` : await startLines(ctx, p);
    await host.writeFile(p.target, `${p.content}${lines}`, { mode, signal });
  },
});

/** All that matters to a member that has its data. */
function settings(text: string): string {
  return text
    .split('\n')
    .filter((line) => !firstStart.test(line))
    .join('\n')
    .trimEnd();
}

async function startLines(ctx: StepContext, { name, peerUrl, endpoints, token }: WriteEtcdConfig): Promise<string> {
  const members = endpoints.length === 0 ? [] : await memberList(ctx, endpoints);
  const others = members.filter(({ peerUrls }) => !peerUrls.includes(peerUrl));
  // etcd compares the peer URLs; a member that has not been started has no name to give.
  const start = [
    ...others.flatMap((member) =>
      member.peerUrls.map((url) => `${member.name === '' ? member.id : member.name}=${url}`),
    ),
    `${name}=${peerUrl}`,
  ];
  return [
    `initial-cluster: ${start.join(',')}`,
    `initial-cluster-state: ${endpoints.length === 0 ? 'new' : 'existing'}`,
    `initial-cluster-token: ${JSON.stringify(token)}`,
    '',
  ].join('\n');
}

/** With another directory etcd would start empty, and this member's data would be as good as lost. */
async function refuseOtherDataDir(ctx: StepContext, { dataDir }: WriteEtcdConfig, text: string): Promise<void> {
  const [, now] = /^data-dir: (.+)$/m.exec(text) ?? [];
  if (now === undefined || now === dataDir) return;
  if ((await etcdDataOwner(ctx, { dataDir: now })) === undefined) return;
  if ((await etcdDataOwner(ctx, { dataDir })) !== undefined) return;
  throw new KubexmError('GUARD_REFUSED', `${ctx.host.name}: etcd has its data in ${now}, not in ${dataDir}`, {
    hint: `put spec.etcd.dataDir: ${now} back; or move the data while etcd is stopped: systemctl stop etcd; mv ${now} ${dataDir}`,
    retryable: false,
  });
}
