import type { z } from 'zod';
import { ValidationError, type Violation } from './errors.js';

/** Parses untrusted input against a schema; every problem becomes a `Violation` that names its field. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ValidationError(result.error.issues.flatMap(violationsOf));
}

function violationsOf(issue: z.core.$ZodIssue): Violation[] {
  const field = pathText(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        field: field === '' ? key : `${field}.${key}`,
        message: 'is not a known field',
      }));
    case 'invalid_value':
      return [{ field, message: 'is not one of the allowed values', allowed: issue.values.join(' | ') }];
    case 'too_small':
      return [{ field, message: 'is too small', allowed: `at least ${String(issue.minimum)}` }];
    case 'too_big':
      return [{ field, message: 'is too large', allowed: `at most ${String(issue.maximum)}` }];
    case 'invalid_type':
      return [
        {
          field,
          message: issue.input === undefined ? 'is missing or has the wrong type' : 'has the wrong type',
          allowed: issue.expected,
        },
      ];
    case 'invalid_union':
      return [
        {
          field: issue.discriminator === undefined ? field : joined(field, issue.discriminator),
          message: issue.message,
        },
      ];
    default:
      return [{ field, message: issue.message }];
  }
}

function joined(prefix: string, field: string): string {
  return prefix === '' || prefix.endsWith(field) ? prefix || field : `${prefix}.${field}`;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}
