/** Made by scripts/e2e.mjs: the modules of the chosen scenario files, by their ids. */
declare module 'e2e:scenarios' {
  export function loadScenarios(): Promise<Readonly<Record<string, object>>>;
}
