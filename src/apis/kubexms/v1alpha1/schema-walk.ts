import * as z from 'zod';
import type { Path } from './issue.js';

/** The keys that may stand in the map at `path`, or nothing where keys are free. */
export function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  const found = path.reduce<readonly z.ZodType[]>(
    (schemas, part) => schemas.flatMap((inner) => below(inner, part)),
    unwrap(schema),
  );
  return found.flatMap((inner) => (inner instanceof z.ZodObject ? Object.keys(inner.shape) : []));
}

function below(schema: z.ZodType, part: string | number): readonly z.ZodType[] {
  if (schema instanceof z.ZodObject) return unwrap(schema.shape[part] as z.ZodType | undefined);
  if (schema instanceof z.ZodArray) return unwrap(schema.element as z.ZodType);
  if (schema instanceof z.ZodRecord) return unwrap(schema.valueType as z.ZodType);
  return [];
}

/** Without what wraps it (optional, default, ...); each choice of a union. */
function unwrap(schema: z.ZodType | undefined): readonly z.ZodType[] {
  if (schema === undefined) return [];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => unwrap(option as z.ZodType));
  return [schema];
}
