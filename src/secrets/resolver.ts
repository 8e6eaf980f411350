import { type ResolveOptions, resolveSecret } from './resolve.js';
import type { Secret, SecretSource } from './secret.js';

/** Fetches every secret once per run, also when many hosts ask at the same time. */
export interface SecretResolver {
  resolve(source: SecretSource, title: string): Promise<Secret>;
}

/** Two sources that read the same thing are one; `{ prompt: true }` is asked once for each place that it stands in the config. */
export function secretResolver(options: Omit<ResolveOptions, 'title'> = {}): SecretResolver {
  const byText = new Map<string, Promise<Secret>>();
  const byPlace = new WeakMap<SecretSource, Promise<Secret>>();
  // One question at a time: two prompts on one terminal are none.
  let lastPrompt: Promise<unknown> = Promise.resolve();

  function fetch(source: SecretSource, title: string): Promise<Secret> {
    if (!('prompt' in source)) return resolveSecret(source, { ...options, title });
    const answer = lastPrompt.then(() => resolveSecret(source, { ...options, title }));
    lastPrompt = answer.catch(() => undefined);
    return answer;
  }

  return {
    resolve(source, title) {
      const named = !('prompt' in source || 'plain' in source);
      const key = JSON.stringify(source);
      const known = named ? byText.get(key) : byPlace.get(source);
      if (known !== undefined) return known;
      const secret = fetch(source, title);
      if (named) byText.set(key, secret);
      else byPlace.set(source, secret);
      return secret;
    },
  };
}
