import { readDays, readWeekdays } from './cron-days.js';
import { bitsOf } from './bit-sets.js';
import {
  expressionError,
  HOUR,
  MINUTE,
  MONTH,
  readField,
  readTimeField,
  SECOND,
  UNIX_WEEKDAY,
  ZERO,
  type ReadOptions,
} from './cron-entries.js';
import type { CronFields } from './cron-fields.js';

/** The words that stand for a whole expression. */
const MACROS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/**
 * Reads `[second] minute hour day-of-month month day-of-week`. Strict: nothing is padded, every value is in
 * range, and a day of the month and a day of the week that are both given match on either. `seed` decides
 * the values of `H`. Errors: `CJ_SCHEDULE_INVALID`, field `expression`.
 */
export function readUnixCron(expression: string, seed: string): CronFields {
  const text = expression.trim();
  const parts = (text.startsWith('@') ? macro(text) : text).split(/\s+/);
  if (parts.length < 5 || parts.length > 6) {
    throw expressionError(
      `'${expression}' has ${text === '' ? 0 : parts.length} fields`,
      '5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first',
    );
  }
  const options: ReadOptions = { canWrap: false, seed };
  const [minute, hour, day, month, weekday] = parts.slice(-5) as [string, string, string, string, string];
  return {
    seconds: parts.length === 6 ? readTimeField(parts[0] as string, SECOND, options) : ZERO,
    minutes: readTimeField(minute, MINUTE, options),
    hours: readTimeField(hour, HOUR, options),
    days: readDays(day, options),
    months: bitsOf(readField(month, MONTH, options).values),
    weekdays: readWeekdays(weekday, UNIX_WEEKDAY, (value) => value % 7, options),
    years: null,
  };
}

function macro(text: string): string {
  const meaning = MACROS.get(text.toLowerCase());
  if (meaning === undefined) throw expressionError(`'${text}' is not a known word`, [...MACROS.keys()].join(' '));
  return meaning;
}
