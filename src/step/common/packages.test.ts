import { describe, expect, test, vi } from 'vitest';
import type { FakeAnswer, FakeHost, PackageManager } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { packageFailure } from './package-failure.js';
import { installPackage, removePackage, updatePackageCache } from './packages.js';

// Waiting for a lock takes no time here.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }));

/** Answers the question for a host's packages; `name=version` stands for one in a version. */
function packageQuery(manager: PackageManager, config: readonly string[] = []): readonly [RegExp, FakeAnswer] {
  return [
    /^manager=/,
    (_call: unknown, host: FakeHost) => {
      const installed = [...host.packages]
        .map((word) => word.split('='))
        .map(([name, version]) => `ii \t${name}\t${version ?? '1.0'}`);
      return [manager, ...installed, ...config.map((name) => `rc \t${name}\t1.0`), ''].join('\n');
    },
  ];
}

describe('installPackage', () => {
  const step = installPackage({ packages: ['socat', 'conntrack'] });

  test.each([
    {
      manager: 'apt',
      command:
        /^DEBIAN_FRONTEND=noninteractive .*apt-get -q -y -o DPkg::Lock::Timeout=15 .*install --no-install-recommends --allow-downgrades conntrack$/,
    },
    { manager: 'dnf', command: /^dnf -q -y install conntrack$/ },
    { manager: 'yum', command: /^yum -q -y install conntrack$/ },
    { manager: 'zypper', command: /^zypper --non-interactive --quiet install --no-recommends --oldpackage conntrack$/ },
  ] as const)('$manager: installs what is missing after one look', async ({ manager, command }) => {
    const trial = hostTrial({ packages: ['socat'], commands: [packageQuery(manager)] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'not installed, or in another version: conntrack' });
    expect(again).toEqual({ state: 'satisfied', because: 'all are installed' });
    expect(trial.host.commands).toHaveLength(3);
    expect(trial.host.commands[1]).toMatch(command);
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test("a version of its own is compared, and asked for in the manager's way", async () => {
    const packages = [
      { name: 'docker-ce', version: '5:28.0.1-1~debian' },
      { name: 'runc', version: '1.3*' },
    ];
    const apt = hostTrial({
      packages: ['docker-ce=5:27.5.1-1~debian', 'runc=1.3.6-1'],
      commands: [packageQuery('apt')],
    });
    const found = await apt.precheck(installPackage({ packages }));
    expect(found).toMatchObject({ because: 'not installed, or in another version: docker-ce' });
    const dnf = hostTrial({ commands: [packageQuery('dnf'), [/^dnf/, '']] });
    await dnf.play(installPackage({ packages }));
    expect(dnf.host.commands[1]).toBe("dnf -q -y install 'docker-ce-5:28.0.1-1~debian' 'runc-1.3*'");
  });

  test('removed with its configuration left is not installed', async () => {
    const trial = hostTrial({ packages: ['socat'], commands: [packageQuery('apt', ['conntrack'])] });
    expect((await trial.precheck(step)).state).toBe('needed');
  });

  test('a database that cannot be read is not an empty one', async () => {
    const stdout = 'apt\n';
    const stderr = "dpkg-query: error: parsing file '/var/lib/dpkg/status' near line 0";
    const trial = hostTrial({ commands: [[/^manager=/, { exitCode: 1, stdout, stderr }]] });
    await expect(trial.precheck(step)).rejects.toMatchObject({ code: 'PACKAGES_FAILED', details: [stderr] });
  });

  test('a host without a package manager says so', async () => {
    const trial = hostTrial({ commands: [[/^manager=/, { exitCode: 69 }]] });
    await expect(trial.precheck(step)).rejects.toMatchObject({ code: 'HOST_UNSUPPORTED', retryable: false });
  });

  test('lists that do not know the package are refreshed, once', async () => {
    let refreshed = false;
    const trial = hostTrial({
      commands: [
        packageQuery('apt'),
        [
          /apt-get .* update$/,
          () => {
            refreshed = true;
            return 'Hit:1 http://deb.example trixie InRelease\n';
          },
        ],
        [
          /apt-get .* install /,
          (_call, host) => {
            if (!refreshed) return { exitCode: 100, stderr: 'E: Unable to locate package socat' };
            for (const name of ['socat', 'conntrack']) host.packages.add(name);
            return '';
          },
        ],
      ],
    });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.host.commands).toHaveLength(5);
  });

  test('a lock that another one holds is waited for', async () => {
    let asked = 0;
    const trial = hostTrial({
      commands: [
        packageQuery('apt'),
        [
          /apt-get .* install /,
          (_call, host) => {
            asked += 1;
            if (asked < 3) {
              const held = 'It is held by process 812 (unattended-upgr)';
              return { exitCode: 100, stderr: `E: Could not get lock /var/lib/dpkg/lock-frontend. ${held}` };
            }
            for (const name of ['socat', 'conntrack']) host.packages.add(name);
            return '';
          },
        ],
      ],
    });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.logs).toEqual(['info: waiting for another package manager: process 812 (unattended-upgr)']);
  });

  test("zypper's news of a due restart is a success", async () => {
    const trial = hostTrial({
      packages: ['socat', 'conntrack'],
      commands: [packageQuery('zypper'), [/^zypper/, { exitCode: 102 }]],
    });
    trial.host.packages.delete('socat');
    await expect(trial.play(step)).resolves.toBeDefined();
  });

  test('undone: what was not there goes, what was there in another version stays', async () => {
    const packages = ['socat', { name: 'runc', version: '2' }];
    const trial = hostTrial({ packages: ['runc=1'], commands: [packageQuery('dnf'), [/^dnf -q -y install/, '']] });
    await trial.playAndUndo(installPackage({ packages }));
    expect(trial.host.commands.at(-1)).toBe('dnf -q -y remove socat');
  });
});

describe('removePackage', () => {
  test('removes what is there', async () => {
    const trial = hostTrial({ packages: ['docker.io', 'bash'], commands: [packageQuery('apt')] });
    const step = removePackage({ packages: ['docker.io', 'docker'] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: 'installed: docker.io' });
    expect(again).toEqual({ state: 'satisfied', because: 'none is installed' });
    expect(trial.host.commands[1]).toMatch(/ remove docker\.io$/);
    expect([...trial.host.packages]).toEqual(['bash']);
  });

  test('purges configuration files only when that is said', async () => {
    const trial = hostTrial({ commands: [packageQuery('apt', ['docker.io'])] });
    expect((await trial.precheck(removePackage({ packages: ['docker.io'] }))).state).toBe('satisfied');
    const { first } = await trial.play(removePackage({ packages: ['docker.io'], purge: true }));
    expect(first).toMatchObject({ because: 'installed: docker.io' });
    expect(trial.host.commands.at(-2)).toMatch(/ purge docker\.io$/);
  });
});

describe('updatePackageCache', () => {
  const query = packageQuery('apt');
  const age = (answer: string): readonly [RegExp, FakeAnswer] => [/^stamp=/, answer];
  const freshAfterUpdate: readonly [RegExp, FakeAnswer] = [
    /^stamp=/,
    (_call, host) => (host.files.has('/var/lib/kubexm/package-lists') ? '5\n' : ''),
  ];

  test('fetches lists that kubexm never fetched, or whose sources changed', async () => {
    const trial = hostTrial({ commands: [query, freshAfterUpdate] });
    const { first, again } = await trial.play(updatePackageCache({}));
    expect(first.state).toBe('needed');
    expect(again).toEqual({ state: 'satisfied', because: '0 minutes old' });
  });

  test('leaves lists alone that are young enough, or that nobody needs', async () => {
    expect((await hostTrial({ commands: [query, age('3600')] }).precheck(updatePackageCache({}))).state).toBe(
      'satisfied',
    );
    const old = hostTrial({ packages: ['socat'], commands: [query, age('360000')] });
    expect(await old.precheck(updatePackageCache({}))).toMatchObject({ because: '100 hours old' });
    expect((await old.precheck(updatePackageCache({ packages: ['socat'] }))).state).toBe('satisfied');
    expect((await old.precheck(updatePackageCache({ packages: ['ipset'] }))).state).toBe('needed');
  });

  test('apt that reached nothing and calls that a success is an error', async () => {
    const stdout = 'Err:1 http://deb.example trixie InRelease\n  Temporary failure resolving deb.example\n';
    const trial = hostTrial({ commands: [query, freshAfterUpdate, [/update$/, { stdout }]] });
    await expect(trial.play(updatePackageCache({}))).rejects.toThrow(
      'repositories cannot be reached (Temporary failure resolving deb.example)',
    );
    expect(trial.host.files.has('/var/lib/kubexm/package-lists')).toBe(false);
  });

  test('one broken repository among others is a warning', async () => {
    const stdout = 'Hit:1 http://deb.example trixie InRelease\nErr:2 http://gone.example x InRelease\n';
    const trial = hostTrial({ commands: [query, freshAfterUpdate, [/update$/, { stdout }]] });
    expect((await trial.play(updatePackageCache({}))).again?.state).toBe('satisfied');
    expect(trial.logs).toEqual([
      'warn: a package repository failed, the others serve: Err:2 http://gone.example x InRelease',
    ]);
  });
});

describe('what a failed package manager means', () => {
  test.each([
    ['apt', 'E: Unable to locate package docker-ce', 'no repository offers the package docker-ce'],
    ['apt', "E: Package 'docker-ce' has no installation candidate", 'no repository offers the package docker-ce'],
    ['apt', "E: Version '9' for 'docker-ce' was not found", 'no repository offers the package docker-ce'],
    [
      'dnf',
      'No match for argument: docker-ce\nError: Unable to find a match: docker-ce',
      'no repository offers the package docker-ce',
    ],
    ['yum', 'No package docker-ce available.\nError: Nothing to do', 'no repository offers the package docker-ce'],
    [
      'zypper',
      "'docker-ce' not found in package names.\nNo provider of 'docker-ce' found.",
      'no repository offers the package docker-ce',
    ],
    [
      'apt',
      'E: Failed to fetch http://a/b.deb  404  Not Found [IP: 1.2.3.4 80]',
      'does not have what it should (404  Not Found',
    ],
    [
      'apt',
      'W: Failed to fetch http://a  Could not connect to a:80 (1.2.3.4)',
      'cannot be reached (Could not connect to a:80',
    ],
    ['dnf', "Error: Failed to download metadata for repo 'docker': Cannot download repomd.xml", 'cannot be reached'],
    ['yum', 'Cannot find a valid baseurl for repo: base/7/x86_64', 'cannot be reached'],
    [
      'apt',
      'E: The repository is not signed. NO_PUBKEY 7EA0A9C3F273FCD8',
      'signature cannot be verified (is not signed',
    ],
    ['dnf', 'Error: GPG check FAILED', 'signature cannot be verified'],
    [
      'apt',
      "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'",
      'an earlier installation was interrupted',
    ],
    ['apt', 'something new', 'apt failed with exit code 100'],
  ] as const)('%s: %s', (manager, stderr, says) => {
    const error = packageFailure('m1', manager, { exitCode: 100, stdout: '', stderr });
    expect(error).toMatchObject({ code: 'PACKAGES_FAILED', details: stderr.split('\n') });
    expect(error.message).toContain(`m1: `);
    expect(error.message).toContain(says);
  });

  test.each([
    ['apt', 'E: Write error - write (28: No space left on device)'],
    ['apt', "E: You don't have enough free space in /var/cache/apt/archives/."],
    ['dnf', 'Error: Transaction test error:\n  At least 12MB more space needed on the / filesystem.'],
  ] as const)('%s: %s: a disk is full', (manager, stderr) => {
    const error = packageFailure('m1', manager, { exitCode: 100, stdout: '', stderr });
    expect(error).toMatchObject({ code: 'HOST_DISK_FULL', details: stderr.split('\n') });
    expect(error.message).toBe(`no space left on m1: ${stderr.split('\n').at(-1)?.trim()}`);
  });
});
