import { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { clusterGroup } from './commands.js';
import { commandLine, upgradeChoice } from './upgrade-choice.js';
import { type UpgradeOptions, upgradeOptions } from './upgrade-options.js';

/** As the command line gives them. */
function typed(...argv: string[]): UpgradeOptions {
  const command = new Command().exitOverride();
  for (const { flags, description, fallback } of [{ flags: '--to <version>', description: '' }, ...upgradeOptions].map(
    (spec) => ({ fallback: undefined, ...spec }),
  )) {
    const option = new Option(flags, description);
    command.addOption(fallback === undefined ? option : option.default(fallback));
  }
  return command.parse(argv, { from: 'user' }).opts<UpgradeOptions>();
}

describe('what is chosen of an upgrade', () => {
  test('nothing: the version of the config, one worker at a time', () => {
    expect(upgradeChoice(typed(), 'v1.34.4')).toMatchObject({
      to: 'v1.34.4',
      via: [],
      maxUnavailable: '1',
      certificateRenewal: true,
      drainSeconds: 600,
      acceptRemovedApis: false,
    });
  });

  test.each([
    ['--to v1.35.4'],
    ['--to v1.35.4 --via v1.34.4 --max-unavailable 20%'],
    ['--to v1.35.4 --canary w1 --pause-after canary --certificate-renewal false --drain-timeout 60'],
    ['--to v1.35.4 --accept-removed-apis'],
  ])('%s is said in the same words to others, and as the next step', (line) => {
    expect(commandLine(upgradeChoice(typed(...line.split(' ')), 'v1.34.4'))).toBe(`cluster upgrade ${line}`);
  });

  test.each([
    ['--to 1.35', /no version of Kubernetes/],
    ['--to v1.35.4-rc.1', /no version of Kubernetes/],
    ['--to v1.35.4 --via 1.34', /--via 1\.34 is no version/],
    ['--to v1.35.4 --via v1.36.1', /--via v1\.36\.1 is no stop on the way to v1\.35\.4/],
    ['--to v1.35.4 --via v1.35.2', /--via v1\.35\.2 is no stop/],
    ['--to v1.35.4 --via v1.33.13,v1.34.4,v1.34.5', /--via v1\.34\.5 is no stop/],
    ['--max-unavailable 0', /neither a number of nodes nor a share/],
    ['--drain-timeout soon', /no number of seconds/],
    ['--pause-after canary', /needs a worker that goes first/],
  ])('%s is refused before anything is asked of a host', (line, message) => {
    expect(() => upgradeChoice(typed(...line.split(' ')), 'v1.34.4')).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) as string }) as Error,
    );
  });
});

test('the plan of an upgrade takes everything that the upgrade takes, and the upgrade has no way back', () => {
  const flagsOf = (name: string) =>
    clusterGroup.commands.find((command) => command.name === name)?.options.map(({ flags }) => flags) ?? [];
  for (const { flags } of upgradeOptions) {
    expect(flagsOf('plan')).toContain(flags);
    expect(flagsOf('upgrade')).toContain(flags);
  }
  expect(flagsOf('upgrade')).not.toContain('--rollback');
});
