import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';

/** `address`: IPv4, of a network of this host. */
export interface AddressFree {
  readonly address: string;
}

/** Refuses a virtual address that some machine has already. Asked over ARP, with bash and ip alone: no host has to have ping. */
export const addressFree = defineStep<AddressFree>({
  kind: 'preflight.address-free',
  title: (p) => `Check that nobody has ${p.address}`,
  recheck: false,
  async precheck({ host, signal }, p) {
    const knock = `echo >/dev/udp/${p.address}/9`;
    const { stdout } = await host.run(
      sh`bash -c ${knock} 2>/dev/null; for i in 1 2 3 4; do sleep 0.5; n=$(ip neigh show ${p.address}); case $n in *lladdr*|*FAILED*) break ;; esac; done; echo "$n"`,
      { signal },
    );
    const owner = /lladdr (\S+)/.exec(stdout)?.[1];
    if (owner === undefined) return satisfied('nobody answers for it');
    throw new KubexmError('PREFLIGHT_FAILED', `${p.address} is the address of another machine already (${owner})`, {
      details: [`seen from ${host.name}: ip neigh show ${p.address}`],
      hint: "spec.controlPlaneEndpoint.address: one of the hosts' network that nobody has; type: external where it is your load balancer",
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});
