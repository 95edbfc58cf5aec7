import { z } from 'zod';
import { ValidationError } from '../domain/errors.js';
import { EXECUTION_STATES } from '../domain/execution-state.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, NAME, isName } from '../domain/limits.js';
import { instantSchema } from '../domain/time/schedule.js';

/** Questions as they come from a caller or from the query string of a request. */

export const pageQuerySchema = z.strictObject({
  cursor: z.string().min(1).max(512).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE),
});

export const jobQuerySchema = z.strictObject({
  ...pageQuerySchema.shape,
  state: z.enum(['active', 'paused']).optional(),
  label: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}(=.{0,256})?$/, 'must be `key` or `key=value`')
    .optional(),
  q: z.string().min(1).max(128).optional(),
});

export const executionsOfJobQuerySchema = z.strictObject({
  ...pageQuerySchema.shape,
  state: z.enum(EXECUTION_STATES).optional(),
  since: instantSchema.optional(),
});

export const executionQuerySchema = z.strictObject({
  ...executionsOfJobQuerySchema.shape,
  job: NAME.optional(),
});

/** Returns the name; throws a `ValidationError` on `field` for one that cannot exist. */
export function checkedName(field: string, name: string): string {
  if (isName(name)) return name;
  throw new ValidationError([{ field, message: 'is not a valid name', allowed: '1 to 128 of A-Z a-z 0-9 . _ -' }]);
}
