import type * as z from 'zod';
import { error, type Issue, type Path, pathText } from './issue.js';
import { nearest } from './nearest.js';
import { newNameOf } from './renamed-keys.js';
import { keysAt } from './schema-walk.js';

type Problem = z.core.$ZodIssue;

/** What the schema found, in words for people. `raw` is the document it looked at. */
export function schemaIssues(schema: z.ZodType, problems: readonly Problem[], raw: unknown): readonly Issue[] {
  const misspelt = new Set<string>();
  const issues = problems.flatMap((problem) => {
    const path = problem.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (problem.code !== 'unrecognized_keys') return [inWords(problem, path, valueAt(raw, path))];
    return problem.keys.map((key) => {
      const known = keysAt(schema, path);
      const meant = nearest(key, known);
      if (meant !== undefined) misspelt.add(pathText([...path, meant]));
      return unknownKey(path, key, known, meant);
    });
  });
  // A required key that is there under a misspelt name is one problem, not two.
  return issues.filter(({ code, path }) => !(code === 'missing' && misspelt.has(pathText(path))));
}

function unknownKey(path: Path, key: string, known: readonly string[], meant: string | undefined): Issue {
  const at = 'key';
  const newName = newNameOf(path, key);
  if (newName !== undefined) return error('renamed-key', [...path, key], `"${key}" is called ${newName} here`, { at });
  const hint = meant === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${meant}"?`;
  return error('unknown-key', [...path, key], `unknown key "${key}"`, { at, hint });
}

function inWords(problem: Problem, path: Path, value: unknown): Issue {
  if (value === undefined && problem.code !== 'invalid_key') {
    return error('missing', path, `"${path.at(-1) ?? 'the document'}" is missing`);
  }
  switch (problem.code) {
    case 'invalid_key':
      return error('invalid-key', path, problem.issues[0]?.message ?? problem.message, { at: 'key' });
    case 'invalid_type':
      return wrongType(problem, path, value);
    case 'invalid_value': {
      const choices = problem.values.map(String);
      const meant = typeof value === 'string' ? nearest(value, choices) : undefined;
      const hint = meant === undefined ? {} : { hint: `did you mean "${meant}"?` };
      return error('invalid-value', path, `must be ${choices.join(' or ')}`, hint);
    }
    case 'too_small':
      return error('invalid-value', path, limit(problem.origin, 'least', Number(problem.minimum), problem.message));
    case 'too_big':
      return error('invalid-value', path, limit(problem.origin, 'most', Number(problem.maximum), problem.message));
    default:
      return error('invalid-value', path, problem.message);
  }
}

function wrongType(problem: z.core.$ZodIssueInvalidType, path: Path, value: unknown): Issue {
  // A schema that explains its own type, such as "put it in quotes", keeps its words.
  if (!problem.message.startsWith('Invalid input')) return error('wrong-type', path, problem.message);
  const expected = typeNames[problem.expected] ?? `a ${problem.expected}`;
  const hint = typeHint(problem.expected, value);
  return error('wrong-type', path, `must be ${expected}, not ${kindOf(value)}`, hint === undefined ? {} : { hint });
}

function typeHint(expected: string, value: unknown): string | undefined {
  if (expected === 'array') return 'write [a, b], or lines with "- "';
  if (expected === 'string')
    return typeof value === 'number' || typeof value === 'boolean' ? 'put it in quotes' : undefined;
  if (typeof value !== 'string') return undefined;
  if (expected === 'boolean' && /^(?:yes|no|on|off)$/i.test(value)) return 'YAML 1.2 knows only true and false';
  const quoted = expected === 'boolean' ? /^(?:true|false)$/ : /^\d+$/;
  return quoted.test(value) ? 'write it without quotes' : undefined;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number with a point';
  return 'a text';
}

function limit(origin: string, side: 'least' | 'most', bound: number, message: string): string {
  if (!/^Too (?:small|big)/.test(message)) return message;
  if (origin === 'string') return side === 'least' ? 'must not be empty' : `must have at most ${bound} letters`;
  if (origin === 'array') return side === 'least' ? 'the list must not be empty' : `at most ${bound} entries`;
  return `must be at ${side} ${bound}`;
}

/** What stands at `path`, or undefined. */
export function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    return typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
  }, raw);
}
