import * as z from 'zod';
import { clusterSchema, type JsonObject } from '../apis/kubexms/v1alpha1/index.js';

/** JSON Schema (draft 7, which editors know best) of the config as it is written. */
export function clusterJsonSchema(): JsonObject {
  const { $schema, ...schema } = z.toJSONSchema(clusterSchema, { io: 'input', target: 'draft-7' });
  return { $schema, title: 'kubexm cluster', ...schema } as unknown as JsonObject;
}
