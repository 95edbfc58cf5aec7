import { ValidationError } from '../domain/errors.js';

/** The body of a put with the name from its address. Errors: `ValidationError` when it names something else. */
export function named(body: unknown, name: string): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ValidationError([{ field: 'body', message: 'has to be a JSON object' }]);
  }
  if ('name' in body && body.name !== name) {
    throw new ValidationError([{ field: 'name', message: 'differs from the name in the address', allowed: name }]);
  }
  return { ...body, name };
}
