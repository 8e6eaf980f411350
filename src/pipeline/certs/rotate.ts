import { defineModule, type RotateCa, requireRotatable, rotateCa } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** A CA by another: all trust both, everything is signed anew, the old one goes. */
export function rotateAuthority(params: RotateCa): Pipeline {
  return definePipeline('rotate-ca', {
    gate: defineModule('authority', [requireRotatable(params)]),
    modules: [defineModule('certificates', [rotateCa(params)])],
  });
}
