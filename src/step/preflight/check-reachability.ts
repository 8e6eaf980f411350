import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';

/** Where this host must be able to open a TCP connection to. A refused one is fine: nothing listens there yet. */
export interface CheckReachability {
  readonly targets: readonly { readonly host: string; readonly address: string; readonly port: number }[];
}

/** Opens a connection to every target at once; what is dropped on the way (a firewall, a wrong route) is an error. */
export const checkReachability = defineStep<CheckReachability>({
  kind: 'preflight.reach',
  title: (p) => `Reach ${p.targets.length} ports of other hosts`,
  recheck: false,
  async precheck({ host, signal }, p) {
    const probes = p.targets.map(
      ({ address, port }) =>
        sh`{ o=$(timeout 3 bash -c ${`exec 3<>/dev/tcp/${address}/${port}`} 2>&1); c=$?; printf '%s %s %s\n' ${`${address}:${port}`} "$c" "$(echo $o)"; } &`
          .text,
    );
    const { stdout } = await host.run(sh`bash -c ${`${probes.join('\n')}\nwait`}`, { signal, long: true });
    const answers = new Map(
      [...stdout.matchAll(/^(\S+) (\d+) ?(.*)$/gm)].map(
        ([, at = '', code, said = '']) => [at, { code, said }] as const,
      ),
    );
    const lost = p.targets.flatMap((target) => {
      const because = faultOf(answers.get(`${target.address}:${target.port}`));
      return because === undefined ? [] : [{ ...target, because }];
    });
    if (lost.length === 0) return satisfied(`${p.targets.length} ports answer`);
    throw new KubexmError(
      'PREFLIGHT_FAILED',
      `${host.name}: ${lost.length} of ${p.targets.length} ports of other hosts do not answer`,
      {
        details: lost.map(({ host: to, address, port, because }) => `${to} ${address}:${port} ${because}`),
        hint: `open the ports in the firewalls between ${host.name} and ${[...new Set(lost.map((target) => target.host))].join(', ')}`,
        retryable: false,
      },
    );
  },
  run: () => Promise.resolve(),
});

/**
 * A connection that was refused has reached the host. Firewalls that do not drop packets say that they are prohibited, which the
 * kernel tells as no route. One that resets connections cannot be told from a port on which nothing listens yet.
 */
function faultOf(answer: { readonly code: string | undefined; readonly said: string } | undefined): string | undefined {
  // timeout's own exit code: the packets got no answer at all.
  if (answer === undefined || answer.code === '124') return 'drops packets';
  const refused = /No route to host|Network is unreachable|Operation not permitted|Permission denied/.exec(answer.said);
  return refused ? `is closed to it: ${refused[0].toLowerCase()}` : undefined;
}
