import { readFile } from 'node:fs/promises';
import type { Addon } from '../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../errors/index.js';

/** Texts of the addons' manifests by addon, read before planning: files of the control machine, or https URLs. */
export async function readManifests(addons: readonly Addon[]): Promise<ReadonlyMap<string, string>> {
  const texts = await Promise.all(
    addons.map(
      async ({ name, manifests }) =>
        [name, (await Promise.all(manifests.map((source) => read(name, source)))).join('\n---\n')] as const,
    ),
  );
  return new Map(texts);
}

async function read(addon: string, source: string): Promise<string> {
  try {
    return /^https?:\/\//.test(source) ? await fetchText(source) : await readFile(source, 'utf8');
  } catch (cause) {
    throw new KubexmError('CONFIG_INVALID', `the manifest ${source} of the addon ${addon} cannot be read`, {
      cause,
      hint: 'correct spec.addons in the cluster file',
      retryable: false,
    });
  }
}

async function fetchText(url: string): Promise<string> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const response = await fetch(url, { dispatcher: new EnvHttpProxyAgent(), signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (!response.ok || /^\s*<(!doctype|html)/i.test(text))
    throw new Error(`HTTP ${response.status}, ${response.headers.get('content-type') ?? 'no content type'}`);
  return text;
}
