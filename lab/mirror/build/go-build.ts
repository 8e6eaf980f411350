import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { KubexmError } from '../../../src/errors/index.js';
import { mustRun } from '../../hosts/command.js';
import { labSource, machineArchitecture, mirrorCacheDir } from '../locations.js';
import { cachedDirectory, directoryKey, keyOf, withLock } from './cache.js';
import type { Component, Program } from './components.js';

/** Where the component's programs are once they are built. The name holds all that the result depends on. */
export async function buildDirectory(component: Component): Promise<string> {
  const { takes: _announcement, bringsAlong: _others, ...recipe } = component;
  const key = keyOf(recipe, await directoryKey(recipeDirectory(component)));
  return mirrorCacheDir('builds', `${component.name}-${component.version}-${machineArchitecture()}-${key}`);
}

/**
 * Builds the component's programs, static and stripped, unless the cache has them. A build that was ended is taken up by the next one: Go keeps every
 * package that was compiled.
 */
export async function buildComponent(component: Component, log: (line: string) => void): Promise<string> {
  const directory = await buildDirectory(component);
  if (existsSync(directory)) return directory;
  const waiting = () => log(`another process builds ${component.name} ${component.version}, waiting for it …`);
  return withLock(`mirror-build-${keyOf(directory)}`, waiting, () => build(component, directory, log));
}

function build(component: Component, directory: string, log: (line: string) => void): Promise<string> {
  return cachedDirectory(directory, async (temporary) => {
    const startedAt = Date.now();
    log(`building ${component.name} ${component.version} (${component.takes}, once) …`);
    // One build at a time uses all cores by itself; nice leaves room for whoever works on the machine.
    const command = [
      'nice',
      '-n',
      '5',
      'go',
      '-C',
      recipeDirectory(component),
      ...buildArguments(component, temporary),
    ];
    await mustRun(command, { env: buildEnvironment(component) }).catch((cause: unknown) => {
      throw new KubexmError('LAB_FAILED', `building ${component.name} ${component.version} failed`, {
        details: cause instanceof KubexmError ? cause.details : [],
        cause,
      });
    });
    for (const program of component.programs) {
      const builtAs = outputName(program);
      if (builtAs !== program.name) await rename(join(temporary, builtAs), join(temporary, program.name));
    }
    log(`built ${component.name} ${component.version} in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  });
}

export function buildArguments({ programs, variables, cgo }: Component, outputDirectory: string): string[] {
  const linker = ['-s', '-w', ...Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`)];
  if (cgo) linker.push('-linkmode external', '-extldflags -static');
  return [
    'build',
    '-trimpath',
    '-buildvcs=false',
    ...(cgo ? ['-tags', cgo.tags.join(' ')] : []),
    '-ldflags',
    linker.join(' '),
    '-o',
    `${outputDirectory}/`,
    ...programs.map((program) => program.package),
  ];
}

/** Go names a program after the last element of its package's path that is no major version. */
export function outputName(program: Program): string {
  const elements = program.package.split('/').filter((element) => !/^v\d+$/.test(element));
  return elements.at(-1) ?? program.name;
}

function buildEnvironment({ cgo }: Component): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: cgo ? '1' : '0', GOOS: 'linux', GOARCH: machineArchitecture(), GOWORK: 'off' };
}

function recipeDirectory({ name, version, sourcesOf }: Component): string {
  return labSource('go', name, sourcesOf ?? version);
}
