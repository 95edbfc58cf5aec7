import type { ValidationError } from '../errors.js';
import { expressionError, WEEKDAY_NAMES } from './cron-entries.js';
import type { CronFields, WeekdayField } from './cron-fields.js';
import { readQuartzCron } from './cron-quartz.js';
import { readUnixCron } from './cron-unix.js';

export type CronDialect = 'unix' | 'quartz';

export interface ReadCron {
  readonly dialect: CronDialect;
  readonly fields: CronFields;
}

/**
 * Reads a cron expression. Without a dialect it is found from the text: 5 fields are unix, 7 fields or a `?`
 * are Quartz, 6 fields without `?` are unix (Quartz refuses them). Numbers of weekdays in 6 or 7 fields mean
 * different days in the two and are refused. Errors: `CJ_SCHEDULE_INVALID`, field `expression`.
 */
export function readCron(expression: string, dialect: CronDialect | undefined, seed: string): ReadCron {
  const chosen = dialect ?? dialectOf(expression);
  return { dialect: chosen, fields: chosen === 'unix' ? readUnixCron(expression, seed) : readQuartzCron(expression) };
}

function dialectOf(expression: string): CronDialect {
  const parts = expression.trim().split(/\s+/);
  if (parts.length < 6) return 'unix';
  refuseNumericWeekday(expression, parts[5] as string);
  return parts.length > 6 || parts[3] === '?' || parts[5] === '?' ? 'quartz' : 'unix';
}

function refuseNumericWeekday(expression: string, weekday: string): void {
  if (!/(?:^|[,-])\d/.test(weekday.replaceAll(/[#/]\d+/g, ''))) return;
  const unix = reading(() => readUnixCron(`0 0 * * ${weekday}`, ''));
  const quartz = reading(() => readQuartzCron(`0 0 0 ? * ${weekday}`));
  throw expressionError(
    `'${weekday}' in the day-of-week field of '${expression}' is ${unix} in unix cron and ${quartz} in Quartz`,
    'a dialect (unix or quartz), or names such as MON-FRI',
  );
}

function reading(read: () => CronFields): string {
  try {
    return weekdayText(read().weekdays);
  } catch (error) {
    return `not valid (${(error as ValidationError).violations[0]?.message ?? 'unreadable'})`;
  }
}

function weekdayText({ isAny, bits, last, nth }: WeekdayField): string {
  if (isAny) return 'every day';
  const names = WEEKDAY_NAMES.filter((_, i) => (bits >> i) & 1);
  const lasts = WEEKDAY_NAMES.filter((_, i) => (last >> i) & 1).map((name) => `the last ${name}`);
  const numbered = nth.map(([weekday, n]) => `${WEEKDAY_NAMES[weekday] ?? ''}#${n}`);
  return [...names, ...lasts, ...numbered].join(',');
}
