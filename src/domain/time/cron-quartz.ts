import { ANY_DAY, ANY_WEEKDAY, readDays, readWeekdays } from './cron-days.js';
import { bitsOf } from './bit-sets.js';
import {
  DAY_OF_MONTH,
  expressionError,
  fragmentError,
  HOUR,
  MINUTE,
  MONTH,
  QUARTZ_WEEKDAY,
  readField,
  readTimeField,
  SECOND,
  YEAR,
  type FieldSpec,
  type ReadOptions,
} from './cron-entries.js';
import type { CronFields, DayOfMonthField, WeekdayField } from './cron-fields.js';

const OPTIONS: ReadOptions = { canWrap: true, seed: null };

/**
 * Reads `second minute hour day-of-month month day-of-week [year]` as Quartz 2.3 to 2.5 does: 1 = Sunday,
 * exactly one `?`, ranges may wrap, years 1970-2199. What Quartz takes but does not do (a step after a name,
 * a step of 0, `#` or `L` in a list) is refused. Errors: `CJ_SCHEDULE_INVALID`, field `expression`.
 */
export function readQuartzCron(expression: string): CronFields {
  const text = expression.trim();
  const parts = text.split(/\s+/);
  if (parts.length < 6 || parts.length > 7) {
    throw expressionError(
      `'${expression}' has ${text === '' ? 0 : parts.length} fields`,
      '6 fields (second minute hour day-of-month month day-of-week), or 7 with a year last',
    );
  }
  const [second, minute, hour, day, month, weekday] = parts as [string, string, string, string, string, string];
  checkQuestionMarks(day, weekday);
  return {
    seconds: readTimeField(stepOfAll(second), SECOND, OPTIONS),
    minutes: readTimeField(stepOfAll(minute), MINUTE, OPTIONS),
    hours: readTimeField(stepOfAll(hour), HOUR, OPTIONS),
    days: days(stepOfAll(day)),
    months: bitsOf(readField(named(stepOfAll(month), MONTH), MONTH, OPTIONS).values),
    weekdays: weekdays(stepOfAll(weekday)),
    years: years(parts[6]),
  };
}

function checkQuestionMarks(day: string, weekday: string): void {
  if ((day === '?') === (weekday === '?')) {
    throw expressionError(
      day === '?'
        ? "'?' stands in both the day-of-month and the day-of-week field"
        : `'${day}' in the day-of-month field and '${weekday}' in the day-of-week field are both given`,
      "'?' in exactly one of the two",
    );
  }
}

/** Quartz reads `/5` as `*` with a step of 5. */
function stepOfAll(text: string): string {
  return text.startsWith('/') ? `*${text}` : text;
}

/** Quartz overlooks a step after a name. */
function named(text: string, spec: FieldSpec): string {
  const entry = text.split(',').find((part) => /[a-z].*\//i.test(part));
  if (entry !== undefined) throw fragmentError(entry, spec, 'has a step after a name, which Quartz ignores', 'numbers');
  return text;
}

function days(text: string): DayOfMonthField {
  if (text === '?') return ANY_DAY;
  if (/L/i.test(text) && text.includes(',')) throw fragmentError(text, DAY_OF_MONTH, 'has L in a list', 'L alone');
  return readDays(text, OPTIONS);
}

function weekdays(text: string): WeekdayField {
  if (text === '?') return ANY_WEEKDAY;
  if (/[L#]/i.test(text) && text.includes(',')) {
    throw fragmentError(text, QUARTZ_WEEKDAY, 'has L or # in a list', 'one such day alone');
  }
  const week = text.toUpperCase() === 'L' ? 'SAT' : named(text, QUARTZ_WEEKDAY);
  return readWeekdays(week, QUARTZ_WEEKDAY, (value) => value - 1, OPTIONS);
}

function years(text: string | undefined): readonly number[] | null {
  if (text === undefined) return null;
  const { values, isStar } = readField(stepOfAll(text), YEAR, { ...OPTIONS, canWrap: false });
  return isStar ? null : [...new Set(values)].sort((a, b) => a - b);
}
