import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { type ShellCommand, script } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';
import { type EtcdAlarm, etcdAlarm, type RawAlarm } from './alarm-list.js';
import { parseEndpointHealths } from './endpoint-health.js';
import { type EtcdEndpointStatus, parsed, parseEndpointStatuses } from './endpoint-status.js';
import { type EtcdMember, etcdctl, parseMemberList } from './etcdctl.js';

/** What one endpoint says of itself. Sizes in bytes; `latencyMs` of a proposal through the leader. */
export interface EtcdEndpointState {
  readonly endpoint: string;
  /** It commits a proposal: it has a leader and a quorum behind it. An alarm changes nothing about that. */
  readonly healthy: boolean;
  readonly error?: string;
  readonly latencyMs?: number;
  /** Absent: the endpoint did not answer at all. */
  readonly status?: EtcdEndpointStatus;
}

/** What one host could learn of etcd. */
export interface EtcdStateReport {
  readonly endpoints: readonly EtcdEndpointState[];
  /** Agreed by a quorum. Absent: there is none, or this host cannot reach it. */
  readonly members?: readonly EtcdMember[];
  /** As this host's own member last knew it; it may be out of date. */
  readonly localMembers?: readonly EtcdMember[];
  readonly alarms: readonly EtcdAlarm[];
  /** Why something is missing above. */
  readonly errors: readonly string[];
}

/** `own`: the endpoint of the host's own member; `others`: those whose hosts cannot be asked. */
export interface ReadEtcdState {
  readonly report: string;
  readonly own: string;
  readonly others: readonly string[];
}

const questions = ['status', 'health', 'members', 'local', 'alarms'] as const;

/** Asks for status, health, members and alarms in one round trip, also where etcd does not answer. */
export const readEtcdState = defineStep<ReadEtcdState>({
  kind: 'etcd.read-state',
  title: () => 'Read the state of etcd',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const all = [p.own, ...p.others];
    const ask = (args: readonly string[], endpoints: readonly string[] = [p.own]): ShellCommand =>
      etcdctl(endpoints, [...args, '-w', 'json'], { timeoutSeconds: 4 });
    const commands: Record<(typeof questions)[number], ShellCommand> = {
      status: ask(['endpoint', 'status'], all),
      health: ask(['endpoint', 'health'], all),
      members: ask(['member', 'list']),
      // etcdctl before 3.5.0 has no such option, and says so.
      local: ask(['member', 'list', '--consistency=s']),
      alarms: ask(['alarm', 'list']),
    };
    const { stdout, stderr, exitCode } = await host.tryRun(atOnce(commands), { signal });
    if (exitCode !== 0)
      throw new KubexmError('COMMAND_FAILED', `${host.name}: etcd cannot be asked: ${stderr.trim()}`, {
        hint: `on ${host.name}: ls -l ${hostPaths.bin}/etcdctl ${hostPaths.etcd.pki}; kubexm cluster create puts back what is missing`,
      });
    log('debug', p.report, parseReport(stdout, all, host.name) as unknown as Json);
    return satisfied('etcd was asked');
  },
  run: () => Promise.resolve(),
});

// Without it nothing is known, which is not the same as no answer.
const programThere = `[ -x ${hostPaths.bin}/etcdctl ] || { echo 'there is no ${hostPaths.bin}/etcdctl' >&2; exit 1; }`;

/** Beside each other, since each may wait for its timeout. */
function atOnce(commands: Readonly<Record<string, ShellCommand>>): ShellCommand {
  const names = Object.keys(commands);
  const started = Object.entries(commands).map(
    ([name, command]) => `{ ${command.text} >"$d"/${name} 2>"$d"/${name}.err; } &`,
  );
  const shown = names
    .flatMap((name) => [name, `${name}.err`])
    .map((file) => `echo '@@${file}'; tail -c 200000 "$d"/${file}; echo`);
  return script([programThere, 'd=$(mktemp -d) || exit 1', ...started, 'wait', ...shown, 'rm -rf "$d"'].join('\n'));
}

function parseReport(stdout: string, endpoints: readonly string[], host: string): EtcdStateReport {
  const sections = new Map(
    stdout
      .split(/^@@/m)
      .slice(1)
      .map((section) => {
        const end = section.indexOf('\n');
        return [section.slice(0, end), section.slice(end + 1).trim()] as const;
      }),
  );
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  const json = <T>(name: (typeof questions)[number]): T | undefined => parsed<T>(sections.get(name) ?? '');
  const lastWords = (name: (typeof questions)[number]): string => {
    const lines = (sections.get(`${name}.err`) ?? '').split('\n').filter((line) => !line.startsWith('{'));
    return lines.at(-1) ?? '';
  };
  const members = (name: 'members' | 'local'): readonly EtcdMember[] | undefined => {
    const text = sections.get(name) ?? '';
    return parsed(text) === undefined ? undefined : parseMemberList(text, host);
  };
  const statuses = parseEndpointStatuses(sections.get('status') ?? '');
  const healths = parseEndpointHealths(sections.get('health') ?? '');
  const alarms = json<{ alarms?: RawAlarm[] }>('alarms');
  const agreed = members('members');
  const local = members('local');
  return {
    endpoints: endpoints.map((endpoint) => {
      const health = healths?.get(endpoint);
      const status = statuses.get(endpoint);
      // Nobody may take it for well while it has an alarm that the list does not name.
      const unnamed = health !== undefined && health.alarms.length > 0 && alarms === undefined;
      const error = unnamed
        ? `alarm ${health.alarms.join(', ')}, and the list of alarms cannot be read`
        : health === undefined
          ? lastWords('health') || 'no answer'
          : health.error;
      return {
        endpoint,
        healthy: !unnamed && (health?.healthy ?? false),
        ...(error === undefined ? {} : { error }),
        ...(health?.latencyMs === undefined ? {} : { latencyMs: health.latencyMs }),
        ...(status === undefined ? {} : { status }),
      };
    }),
    ...(agreed === undefined ? {} : { members: agreed }),
    ...(local === undefined ? {} : { localMembers: local }),
    alarms: (alarms?.alarms ?? []).map((raw) => etcdAlarm(raw)),
    errors: questions
      .filter((name) => json(name) === undefined)
      .map((name) => `${name}: ${lastWords(name) || 'no answer'}`),
  };
}
