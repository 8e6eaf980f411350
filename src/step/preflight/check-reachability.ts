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
        sh`{ timeout 3 bash -c ${`exec 3<>/dev/tcp/${address}/${port}`} 2>/dev/null; echo ${address}:${port} $?; } &`
          .text,
    );
    const { stdout } = await host.run(sh`bash -c ${`${probes.join('\n')}\nwait`}`, { signal, long: true });
    const codes = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
    // timeout's own exit code: the packets got no answer at all.
    const lost = p.targets.filter(({ address, port }) => (codes.get(`${address}:${port}`) ?? '124') === '124');
    if (lost.length === 0) return satisfied(`${p.targets.length} ports answer`);
    throw new KubexmError(
      'PREFLIGHT_FAILED',
      `${host.name}: ${lost.length} of ${p.targets.length} ports of other hosts do not answer`,
      {
        details: lost.map((target) => `${target.host} ${target.address}:${target.port} drops packets`),
        hint: `open the ports in the firewalls between ${host.name} and ${[...new Set(lost.map((target) => target.host))].join(', ')}`,
        retryable: false,
      },
    );
  },
  run: () => Promise.resolve(),
});
