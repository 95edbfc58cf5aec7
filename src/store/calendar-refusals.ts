import { ConflictError, ValidationError } from '../domain/errors.js';
import { MAX_CALENDARS } from '../domain/limits.js';
import type { ExpectedVersion } from './job-store.js';

/** Why a write of a calendar is refused, in the same words by every store. */

interface CalendarName {
  readonly namespace: string;
  readonly name: string;
}

/** `stored` 0 = nothing is there. */
export function calendarConflict(
  { namespace, name }: CalendarName,
  expected: ExpectedVersion,
  stored: number,
): ConflictError {
  const actual = stored === 0 ? null : stored;
  return new ConflictError(
    'CJ_VERSION_CONFLICT',
    `calendar ${namespace}/${name} has version ${actual ?? 'none'}, not ${expected ?? 'none'}`,
    { expected, actual },
  );
}

export function unknownBase(base: string): ValidationError {
  return new ValidationError(
    [{ field: 'base', message: `names the calendar ${base}, which does not exist` }],
    'CJ_CALENDAR_NOT_FOUND',
  );
}

export function baseCycle(): ValidationError {
  return new ValidationError([{ field: 'base', message: 'leads back to this calendar' }]);
}

/** `users` are names of calendars and keys of triggers. */
export function calendarInUse({ namespace, name }: CalendarName, users: readonly string[]): ConflictError {
  return new ConflictError(
    'CJ_STATE_CONFLICT',
    `calendar ${namespace}/${name} cannot be deleted: it is used by ${users.join(', ')}`,
    { users },
  );
}

export function tooManyCalendars(namespace: string): ConflictError {
  return new ConflictError('CJ_STATE_CONFLICT', `namespace ${namespace} has ${MAX_CALENDARS} calendars already`, {
    limit: MAX_CALENDARS,
  });
}
