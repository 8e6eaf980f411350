import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { removePodNetwork } from './network.js';

const step = removePodNetwork({});
const left = ['link cni0', 'namespace cni-1', 'namespace cni-2', 'iptables -A INPUT -j KUBE-FIREWALL', 'set KUBE-A'];

test('tells what is left, removes it, and gives iptables one transaction', async () => {
  const removed: string[] = [];
  const trial = hostTrial({
    commands: [
      [/^for link in .*echo "link/s, () => (removed.length > 0 ? '' : `${left.join('\n')}\n`)],
      [/^command -v iptables-save/, '*filter\n:KUBE-FIREWALL - [0:0]\n-A INPUT -j KUBE-FIREWALL\n'],
      [/^command -v \S+-save/, ''],
      [
        'iptables-restore --noflush',
        ({ stdin }) => {
          removed.push(stdin);
          return '';
        },
      ],
      [/^(if command -v nft|\[ ! -e \/sys\/class\/net\/kube-ipvs0)/, ''],
    ],
  });
  const { first, again } = await trial.play(step);
  expect(first).toMatchObject({ because: '1 link, 2 namespaces, 1 firewall rule, 1 set' });
  expect(removed).toEqual(['*filter\n-D INPUT -j KUBE-FIREWALL\n-F KUBE-FIREWALL\n-X KUBE-FIREWALL\nCOMMIT\n']);
  expect(again).toEqual({ state: 'satisfied', because: 'nothing is left' });
});

test('what stays in spite of all is an error that names it', async () => {
  const trial = hostTrial({
    commands: [
      [/^for link in .*echo "link/s, 'link cni0\n'],
      [/^(command -v|if command -v nft|\[ ! -e)/, ''],
    ],
  });
  await expect(trial.play(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED', details: ['link cni0'] });
});
