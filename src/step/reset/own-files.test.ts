import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { removeExtracted, removeOwnFiles } from './own-files.js';

describe('removeExtracted', () => {
  const files = {
    '/opt/cni/bin/bridge': 'b',
    '/opt/cni/bin/new-plugin': 'n',
    '/opt/cni/bin/mine': 'm',
    '/usr/local/bin/crictl': 'c',
  };
  const step = removeExtracted({ into: '/opt/cni/bin', names: ['bridge', 'vlan'] });

  test.each([
    [
      'what records tell, and what is known by name',
      '{"archive":"a","members":[{"path":"/opt/cni/bin/new-plugin"},{"path":"/usr/local/bin/crictl"}]}\n',
      ['/opt/cni/bin/new-plugin', '/opt/cni/bin/bridge'],
    ],
    ['half a record tells nothing', '{"archive":"a","mem\n', ['/opt/cni/bin/bridge']],
    ['no record', '', ['/opt/cni/bin/bridge']],
  ])('%s', async (_, records, gone) => {
    const trial = hostTrial({
      files,
      commands: [
        [/^cat \/var\/lib\/kubexm\/extracted/, records],
        [
          /^rm -f -- /,
          (_call, host) => {
            for (const path of gone) host.files.removeTree(path);
            return '';
          },
        ],
      ],
    });
    expect((await trial.play(step)).again).toMatchObject({ because: 'nothing is left' });
    expect(trial.host.commands.find((text) => text.startsWith('rm'))).toBe(
      `rm -f -- ${gone.join(' ')} && rmdir --ignore-fail-on-non-empty -- /opt/cni/bin`,
    );
  });
});

test('a path that is too short to be right is never removed', async () => {
  const trial = hostTrial({ commands: [[/^for d in/, '/etc\n']] });
  await expect(
    trial.play(removeOwnFiles({ what: 'files', files: [], emptyDirectories: ['/etc'] })),
  ).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
});
