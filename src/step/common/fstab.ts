import { hostMarks } from '../../common/host-marks.js';

/** An fstab with its swap lines turned into comments that keep them; all else stays byte for byte. */
export function withoutSwap(fstab: string): string {
  return fstab
    .split('\n')
    .map((line) => (isSwapLine(line) ? hostMarks.fstabOff + line : line))
    .join('\n');
}

/** The reverse of `withoutSwap`. */
export function withSwap(fstab: string): string {
  return fstab
    .split('\n')
    .map((line) => (line.startsWith(hostMarks.fstabOff) ? line.slice(hostMarks.fstabOff.length) : line))
    .join('\n');
}

/** The lines that mount swap at boot. */
export function swapLines(fstab: string): string[] {
  return fstab.split('\n').filter(isSwapLine);
}

function isSwapLine(line: string): boolean {
  const [device, , type] = line.trim().split(/\s+/);
  return device !== undefined && !device.startsWith('#') && type === 'swap';
}

/** Devices and files in use, from the text of /proc/swaps. */
export function activeSwaps(procSwaps: string): string[] {
  return procSwaps
    .split('\n')
    .slice(1)
    .flatMap((line) => line.split(/\s+/, 1))
    .filter((device) => device !== '')
    .map((device) => device.replace(/\\([0-7]{3})/g, (_match, code: string) => String.fromCharCode(parseInt(code, 8))));
}
