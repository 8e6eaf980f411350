import { KubexmError } from '../../errors/index.js';

/** The number behind `--hosts`. How many fit is the lab's to say. */
export function hostCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new KubexmError('USAGE', `--hosts ${text} is no number of hosts`, { hint: 'kubexm lab up --hosts 3' });
}
