import { type Output, output } from '../../plan/index.js';

/** The sha256 of a file that a step on the control node makes; the step writes it, uploads of the file read it. */
export function fileDigest(path: string): Output<string> {
  return output(`sha256:${path}`);
}
