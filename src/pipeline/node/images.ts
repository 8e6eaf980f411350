import { defineModule, observeUnused, pruneImages, readUnused } from '../../module/index.js';
import type { UnusedImages } from '../../task/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading } from '../reading.js';

/** Images that nothing uses, of some nodes or of all. */
export const unusedImagesOf = (hosts: readonly string[]) =>
  defineReading('unused-images', defineModule('unused-images', [readUnused(hosts)]), observeUnused);

/** Removes what was seen to be unused, where it still is. */
export const pruneNodeImages = (seen: UnusedImages): Pipeline =>
  definePipeline('prune-images', { gate: defineModule('images', [pruneImages(seen)]), modules: [] });
