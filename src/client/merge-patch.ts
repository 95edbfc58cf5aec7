import { ValidationError } from '../domain/errors.js';

/** RFC 7396: null removes a member, objects are merged, everything else replaces. Errors: `ValidationError`. */
export function mergePatch(target: Readonly<Record<string, unknown>>, patch: unknown): Record<string, unknown> {
  if (!isObject(patch)) {
    throw new ValidationError([{ field: '', message: 'a merge patch has to be a JSON object' }]);
  }
  return merged(target, patch);
}

function merged(target: unknown, patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, isObject(value) ? merged(result.get(name), value) : value);
  }
  return Object.fromEntries(result);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
