import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubexmError } from '../errors/index.js';
import { unlessMissing } from '../util/system-error.js';

/** Reads templates by their names; a file in the user's directory wins over the one that kubexm brings. */
export function templateReader(overrides: string | undefined): (name: string) => Promise<string> {
  const texts = new Map<string, Promise<string>>();
  const read = async (name: string): Promise<string> => {
    const directories = [...(overrides === undefined ? [] : [overrides]), shippedTemplates()];
    for (const directory of directories) {
      const path = join(directory, name);
      const text = await unlessMissing(readFile(path, 'utf8')).catch((cause: unknown) => {
        throw new KubexmError('TEMPLATE_BROKEN', `the template ${path} cannot be read`, { cause });
      });
      if (text !== undefined) return text;
    }
    throw new KubexmError('TEMPLATE_BROKEN', `there is no template ${name} in ${directories.join(' or ')}`);
  };
  return (name) => {
    const known = texts.get(name) ?? read(name);
    texts.set(name, known);
    return known;
  };
}

/** templates/ lies beside dist/ in the package, and two levels above the sources. */
function shippedTemplates(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!directory.endsWith('/dist') && !directory.endsWith('/src') && directory !== '/')
    directory = dirname(directory);
  return join(dirname(directory), 'templates');
}
