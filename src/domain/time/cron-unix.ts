import {
  bitsOf,
  DAY_OF_MONTH,
  entriesOf,
  expressionError,
  fragmentError,
  HOUR,
  MINUTE,
  MONTH,
  readEntry,
  readField,
  readNumber,
  readTimeField,
  readValue,
  SECOND,
  UNIX_WEEKDAY,
  ZERO,
  type ReadOptions,
} from './cron-entries.js';
import type { CronFields, DayOfMonthField, WeekdayField } from './cron-fields.js';

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
 * range, and a day of the month and a day of the week that are both given match on either.
 * Errors: `CJ_SCHEDULE_INVALID`, field `expression`.
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
    hours: hours(hour, options),
    days: readDays(day, options),
    months: bitsOf(readField(month, MONTH, options).values),
    weekdays: readWeekdays(weekday, options),
    years: null,
  };
}

function macro(text: string): string {
  const meaning = MACROS.get(text.toLowerCase());
  if (meaning === undefined) throw expressionError(`'${text}' is not a known word`, [...MACROS.keys()].join(' '));
  return meaning;
}

function hours(text: string, options: ReadOptions): CronFields['hours'] {
  return readTimeField(text, HOUR, options);
}

function readDays(text: string, options: ReadOptions): DayOfMonthField {
  const values: number[] = [];
  const fromLast = new Set<number>();
  const nearestWeekday = new Set<number>();
  const nearestWeekdayFromLast = new Set<number>();
  let isAny = false;
  for (const entry of entriesOf(text, DAY_OF_MONTH)) {
    const special = /^(?:L(?:-(\d{1,2}))?(W)?|(\d{1,2})W)$/i.exec(entry);
    if (special === null) {
      const read = readEntry(entry, DAY_OF_MONTH, options);
      values.push(...read.values);
      isAny ||= read.isStar;
    } else if (special[3] !== undefined) {
      nearestWeekday.add(readValue(special[3], entry, DAY_OF_MONTH));
    } else {
      const n = Number(special[1] ?? 0);
      if (n > 30) throw fragmentError(entry, DAY_OF_MONTH, 'goes back too far', 'L-1 to L-30');
      (special[2] === undefined ? fromLast : nearestWeekdayFromLast).add(n);
    }
  }
  return {
    isAny,
    bits: isAny ? 0 : bitsOf(values.map((v) => v - 1)),
    fromLast: sorted(isAny ? [] : fromLast),
    nearestWeekday: sorted(isAny ? [] : nearestWeekday),
    nearestWeekdayFromLast: sorted(isAny ? [] : nearestWeekdayFromLast),
  };
}

function readWeekdays(text: string, options: ReadOptions): WeekdayField {
  const values: number[] = [];
  const last: number[] = [];
  const nth: [number, number][] = [];
  let isAny = false;
  for (const entry of entriesOf(text, UNIX_WEEKDAY)) {
    const [, base = '', n] = /^(\w+)#(.*)$/.exec(entry) ?? [];
    if (n !== undefined) {
      const number = readNumber(n);
      if (number === null || number < 1 || number > 5) {
        throw fragmentError(entry, UNIX_WEEKDAY, 'has a number of the week that is out of range', '#1 to #5');
      }
      nth.push([readValue(base, entry, UNIX_WEEKDAY) % 7, number]);
    } else if (/^\w+L$/i.test(entry)) {
      last.push(readValue(entry.slice(0, -1), entry, UNIX_WEEKDAY) % 7);
    } else {
      const read = readEntry(entry, UNIX_WEEKDAY, options);
      values.push(...read.values.map((v) => v % 7));
      isAny ||= read.isStar;
    }
  }
  if (isAny) return { isAny, bits: 0, last: 0, nth: [] };
  return { isAny, bits: bitsOf(values), last: bitsOf(last), nth: sortedPairs(nth) };
}

function sorted(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

function sortedPairs(pairs: readonly [number, number][]): [number, number][] {
  const unique = new Map(pairs.map((pair) => [pair[0] * 8 + pair[1], pair]));
  return [...unique.entries()].sort(([a], [b]) => a - b).map(([, pair]) => pair);
}
