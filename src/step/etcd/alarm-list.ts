import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { parsed } from './endpoint-status.js';
import { etcdctl, hexId, memberList } from './etcdctl.js';

/** An alarm that is raised, until somebody disarms it: also when its member is none any more. */
export interface EtcdAlarm {
  /** Hexadecimal. `0`: etcd could not tell which member it is. */
  readonly memberId: string;
  /** `NOSPACE`, `CORRUPT`. */
  readonly alarm: string;
}

/** As etcdctl prints it, with the id as a string. */
export interface RawAlarm {
  readonly memberID?: string;
  readonly alarm?: number;
}

/** https://github.com/etcd-io/etcd/blob/main/api/etcdserverpb/rpc.proto AlarmType */
const alarmNames = ['NONE', 'NOSPACE', 'CORRUPT'];

export function etcdAlarm({ memberID, alarm }: RawAlarm): EtcdAlarm {
  return { memberId: hexId(memberID), alarm: alarmNames[alarm ?? 0] ?? `alarm ${alarm}` };
}

/** The alarms that are raised now. `isGone`: the member that raised it was removed. Throws where etcd does not tell. */
export async function raisedAlarms(
  ctx: StepContext,
  endpoints: readonly string[],
): Promise<readonly (EtcdAlarm & { readonly isGone: boolean })[]> {
  const { host, signal } = ctx;
  const { stdout } = await host.run(etcdctl(endpoints, ['alarm', 'list', '-w', 'json']), { signal });
  const answer = parsed<{ alarms?: RawAlarm[] }>(stdout);
  if (!answer)
    throw new KubexmError('COMMAND_FAILED', `${host.name}: etcdctl alarm list answered no JSON`, {
      details: [stdout.slice(0, 300)],
    });
  const alarms = (answer.alarms ?? []).map((raw) => etcdAlarm(raw));
  if (alarms.length === 0) return [];
  const members = new Set((await memberList(ctx, endpoints)).map(({ id }) => id));
  return alarms.map((each) => ({ ...each, isGone: each.memberId !== '0' && !members.has(each.memberId) }));
}

/** What a user types about these kinds of alarms. */
export function alarmHint(kinds: readonly string[]): string {
  return kinds.includes('NOSPACE') && !kinds.includes('CORRUPT') ? 'kubexm etcd recover-space' : 'kubexm etcd alarms';
}
