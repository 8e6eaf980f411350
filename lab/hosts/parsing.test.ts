import { describe, expect, it } from 'vitest';
import { parseTargets, pickSettings } from './apt-source.js';
import { quote, run } from './command.js';
import { hostFiles } from './host-files.js';
import { builtinModules } from './kernel.js';
import { launchCommand, launchScript } from './launcher.js';
import { alive, identify, parseStartTime } from './process-id.js';
import { recipeKey, rootfsRecipe } from './recipe.js';

describe('processes', () => {
  const fields = (state: string, start: number) => `${state} 1 2 3 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 ${start} 99 1`;

  it('reads the start time behind a name with blanks and brackets', () => {
    expect(parseStartTime(`42 (a) b (c)) ${fields('S', 7777)}`)).toBe(7777);
  });

  it('counts a zombie as gone', () => {
    expect(parseStartTime(`42 (sh) ${fields('Z', 7777)}`)).toBeUndefined();
  });

  it('does not take a later process with the same number for the one it was told of', async () => {
    const own = await identify(process.pid);
    expect(own && (await alive(own))).toBe(true);
    expect(own && (await alive({ ...own, startTime: own.startTime - 1 }))).toBe(false);
    expect(own && (await alive({ ...own, bootId: 'another boot' }))).toBe(false);
  });
});

describe('commands', () => {
  it('returns the exit code, output and errors of a command', async () => {
    const result = await run(['/bin/sh', '-c', 'cat; echo no >&2; exit 3'], { stdin: 'yes' });
    expect(result).toEqual({ exitCode: 3, stdout: 'yes', stderr: 'no\n' });
  });

  it('ends with 127 where there is no such command', async () => {
    expect((await run(['/no/such/command'])).exitCode).toBe(127);
  });

  it('quotes for a shell whatever is in a value', async () => {
    const value = `it's "a" $HOME \\ \`x\``;
    expect((await run(['/bin/sh', '-c', `printf %s ${quote(value)}`])).stdout).toBe(value);
  });
});

describe("the machine's apt", () => {
  it("finds Debian's main mirror among other sources", () => {
    const text = ['Other|Debian|http://a/', 'Debian|Debian-Security|http://b/', 'Debian|Debian|http://c/'].join('\n');
    expect(parseTargets(text)).toBe('http://c/');
    expect(parseTargets('')).toBeUndefined();
  });

  it('keeps what decides whether the mirror is reached, and nothing else', () => {
    const kept = ['Acquire::http::Proxy "http://p:1";', 'Acquire::Check-Valid-Until "false";'];
    const dump = ['APT::Architecture "amd64";', ...kept, 'Acquire::http::Proxy "";', 'Acquire::cdrom "";'].join('\n');
    expect(pickSettings(dump)).toBe(`${kept.join('\n')}\n`);
  });
});

describe('kernel modules', () => {
  it('names what the kernel has built in, and no other', () => {
    expect(builtinModules('\nCONFIG_OVERLAY_FS=y\nCONFIG_VXLAN=m\n# CONFIG_IP_VS is not set\n')).toEqual(['overlay']);
  });

  it('promises no IPVS where the kernel does not say', () => {
    const names = builtinModules(undefined);
    expect(names).toContain('br_netfilter');
    expect(names).not.toContain('ip_vs');
  });
});

describe('what a host is started with', () => {
  it('is a script that any POSIX shell reads', async () => {
    for (const cgroups of [1, 2] as const) {
      const stdin = launchScript({ name: 'node1', cgroups, modulesDir: '/lib/modules/6.1' });
      expect(await run(['/bin/sh', '-n'], { stdin })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    }
  });

  it('asks for legacy cgroups only where the machine has them', () => {
    const script = (cgroups: 1 | 2) => launchScript({ name: 'node1', cgroups, modulesDir: undefined });
    expect(script(1)).toContain('SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0');
    expect(script(2)).not.toContain('UNIFIED_HIERARCHY');
  });

  it('is a delegated scope on cgroup v2 with systemd', () => {
    expect(launchCommand({ name: 'node1', cgroups: 2, systemd: true })).toEqual(
      expect.arrayContaining(['systemd-run', '--scope', '--unit=kubexm-lab-node1', '--property=Delegate=yes']),
    );
  });

  it('differs between hosts in machine-id, name and address', () => {
    const [a, b] = ['node1', 'node2'].map((name, index) => hostFiles({ name, address: `10.99.0.1${index + 1}` }));
    expect(a?.['/etc/machine-id']).toMatch(/^[0-9a-f]{32}\n$/);
    for (const path of ['/etc/machine-id', '/etc/hostname', '/etc/kubexm-lab/network'])
      expect(a?.[path]).not.toBe(b?.[path]);
  });
});

describe('the cached root filesystem', () => {
  it('has another name when its recipe changes', () => {
    expect(recipeKey()).toMatch(/^[0-9a-f]{12}$/);
    expect(recipeKey({ ...rootfsRecipe, suite: 'other' })).not.toBe(recipeKey());
  });
});
