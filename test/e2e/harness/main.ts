import { loadScenarios } from 'e2e:scenarios';
import { runScenarios, type ScenarioResult } from './runner.js';
import { isScenario, type Scenario } from './scenario.js';

/** Runs the scenarios that were bundled with it. scripts/e2e.mjs chooses them by their file names. */
export async function main(options: {
  readonly root: string;
  readonly coreOnly: boolean;
  readonly keep: boolean;
  readonly list: boolean;
  readonly total: boolean;
  print(line: string): void;
}): Promise<readonly ScenarioResult[]> {
  const scenarios = found(await loadScenarios()).filter(({ core = false }) => core || !options.coreOnly);
  if (options.list) {
    for (const { id, title, core } of scenarios) options.print(`${id}${core ? ' (core)' : ''}: ${title}`);
    return [];
  }
  const stop = new AbortController();
  let signals = 0;
  const interrupt = () => {
    signals += 1;
    if (signals > 1) process.exit(130);
    options.print('ending; once more to leave at once');
    stop.abort(new Error('interrupted'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await runScenarios({ ...options, scenarios, signal: stop.signal });
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function found(modules: Readonly<Record<string, object>>): readonly Scenario[] {
  return Object.entries(modules).map(([id, exports]) => {
    const own = Object.values(exports).filter(isScenario);
    const [scenario] = own;
    if (scenario === undefined || own.length > 1)
      throw new Error(`the file of ${id} must export one scenario, not ${own.length}`);
    if (scenario.id !== id) throw new Error(`the file of ${id} has the scenario ${scenario.id}`);
    return scenario;
  });
}
