import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { addPackageRepository } from './package-repository.js';

const apt = {
  type: 'apt',
  name: 'docker',
  url: 'https://packages.example/debian',
  keyUrl: 'https://packages.example/key',
  component: 'stable',
} as const;
const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n';
const sources = '/etc/apt/sources.list.d/kubexm-docker.sources';

function aptHost(content: string | Buffer = key) {
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [/os-release/, 'trixie\n'],
    [/apt-helper download-file/, ''],
    [/^base64/, Buffer.from(content).toString('base64')],
  ];
  return hostTrial({ commands });
}

describe('apt', () => {
  test('its source names its key alone, and the codename of the host', async () => {
    const { play, host } = aptHost();
    expect((await play(addPackageRepository(apt))).again).toEqual({
      state: 'satisfied',
      because: 'it is known, with its key',
    });
    expect(await host.readFile(sources)).toBe(
      [
        '# Written by kubexm; changes made here are overwritten.',
        '# https://packages.example/key',
        'Types: deb',
        'URIs: https://packages.example/debian',
        'Suites: trixie',
        'Components: stable',
        'Signed-By: /etc/apt/keyrings/kubexm-docker.asc',
        '',
      ].join('\n'),
    );
    expect(await host.readFile('/etc/apt/keyrings/kubexm-docker.asc')).toBe(key);
    expect((await play(addPackageRepository(apt))).first.state).toBe('satisfied');
    expect((await play(addPackageRepository({ ...apt, url: 'https://other.example' }))).first).toMatchObject({
      because: 'it is known otherwise',
    });
  });

  test('a flat repository has no component; a binary key has its own name', async () => {
    const { play, host } = aptHost(Buffer.from([0x99, 1, 2]));
    await play(addPackageRepository({ ...apt, suite: './' }));
    const text = (await host.readFile(sources)) ?? '';
    expect(text).toContain('Suites: ./\nSigned-By: /etc/apt/keyrings/kubexm-docker.gpg');
  });

  test('a key that is gone is fetched again', async () => {
    const { play, host } = aptHost();
    await play(addPackageRepository(apt));
    host.files.delete('/etc/apt/keyrings/kubexm-docker.asc');
    expect((await play(addPackageRepository(apt))).first).toMatchObject({ because: 'its key is missing' });
  });

  test('another key than the expected one is not taken', async () => {
    const { play, host } = aptHost();
    const step = addPackageRepository({ ...apt, keySha256: 'a'.repeat(64) });
    await expect(play(step)).rejects.toMatchObject({ code: 'ARTIFACT_CHECKSUM', retryable: false });
    expect(await host.readFile(sources)).toBeUndefined();
    const keySha256 = createHash('sha256').update(key).digest('hex');
    expect((await play(addPackageRepository({ ...apt, keySha256 }))).again?.state).toBe('satisfied');
  });

  test('an error page is no key', async () => {
    const { play } = aptHost('<html>not found</html>');
    await expect(play(addPackageRepository(apt))).rejects.toMatchObject({
      message: 'node-1: what https://packages.example/key gives is no key',
    });
  });
});

test.each([
  ['dnf', '/etc/yum.repos.d/kubexm-docker.repo'],
  ['zypper', '/etc/zypp/repos.d/kubexm-docker.repo'],
] as const)('%s fetches the key itself, and checks every package with it', async (manager, path) => {
  const { play, host } = hostTrial();
  const { name, url, keyUrl } = apt;
  const step = addPackageRepository({ type: 'rpm', manager, name, url, keyUrl });
  expect((await play(step)).again?.state).toBe('satisfied');
  expect(await host.readFile(path)).toContain('gpgcheck=1\ngpgkey=https://packages.example/key');
});
