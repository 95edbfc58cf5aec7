import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ValidationError } from '../../../src/domain/errors.js';
import { compileSchedule, scheduleSchema, type ScheduleContext } from '../../../src/domain/time/schedule.js';
import { WorkCounter } from './work-counter.js';

/**
 * Most blocks of code that an answer may enter: a V8 that has compiled them does about 30 in a microsecond, so
 * this stands for 10 ms. The first answers of a process are slower.
 */
const MOST_WORK = 250_000;
const LONGEST = 256;
const NOW = Date.UTC(2026, 10, 21);

const counter = new WorkCounter();
afterAll(() => {
  counter.stop();
});

/** The work of reading a schedule and of its first answers in both directions, or of refusing it. */
function workOf(schedule: unknown, context: ScheduleContext, at = NOW): number {
  return counter.workOf(() => {
    const parsed = scheduleSchema.safeParse(schedule);
    if (!parsed.success) return;
    try {
      const compiled = compileSchedule(parsed.data, context);
      compiled.next(at);
      compiled.previous(at);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
    }
  });
}

const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
const context: fc.Arbitrary<ScheduleContext> = fc.record({
  timeZone: zone,
  dstGap: fc.constantFrom(undefined, 'next', 'skip', 'shift'),
  dstOverlap: fc.constantFrom(undefined, 'first', 'second', 'both'),
});
const instant = fc.integer({ min: Date.UTC(1969, 0, 1), max: Date.UTC(2200, 0, 1) });

const cut = (text: string): string => text.slice(0, LONGEST);
const joined = (parts: fc.Arbitrary<string>, by: string, most: number): fc.Arbitrary<string> =>
  fc.array(parts, { minLength: 1, maxLength: most }).map((list) => list.join(by));

const cronValue = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map(String),
  fc.constantFrom(
    '*',
    '?',
    'L',
    'W',
    'LW',
    'L-3',
    '15W',
    'H',
    'H(0-9)',
    'MON',
    'FRIL',
    'SUN#5',
    '2#1',
    'FEB',
    '29',
    '31',
  ),
  fc.constantFrom('2038-2199', '2199', '1970', '02', '99999', '-', '/', ''),
);
const cronEntry = fc
  .tuple(cronValue, fc.constantFrom('', '-', '/', '#'), cronValue)
  .map(([first, sign, second]) => (sign === '' ? first : first + sign + second));
const cronText = joined(joined(cronEntry, ',', 30), ' ', 7).map(cut);
const cron = fc.record({
  type: fc.constant('cron'),
  expression: cronText,
  dialect: fc.constantFrom('unix', 'quartz', undefined),
});
/** Fields that are right one by one, so that most texts are. */
const rightCron = fc
  .tuple(
    fc.constantFrom('0', '30', '*', '*/7', '1-59/2', '0,17,58'),
    fc.constantFrom('0', '30', '59', '*', '*/11'),
    fc.constantFrom('0', '1', '2', '3', '23', '*', '*/5'),
    fc.constantFrom('?', '29', '30', '31', 'L', 'L-30', '1W', '31W'),
    fc.constantFrom('2', 'FEB,APR', '3', '10', '*', '11-2'),
    fc.constantFrom('?', 'SUNL', '1#5', '7', 'MON', 'L'),
    fc.constantFrom('', '2096', '2199', '2038-2199', '2100', '1970-2199/7'),
  )
  .map((fields) => ({ type: 'cron', expression: fields.join(' ').trim(), dialect: 'quartz' }));

const numbers = (most: number): fc.Arbitrary<string> =>
  fc.oneof(
    joined(fc.integer({ min: -most, max: most }).map(String), ',', 4),
    fc
      .array(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: 80 })
      .map((list) => [...new Set(list)].join(',')),
  );
const weekday = fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU', '1MO', '-1SU', '5FR', '53TU');
const rulePart = fc.oneof(
  fc
    .constantFrom('1', '2', '7', '11', '59', '61', '997', '1001', '1440', '10080', '86399', '99991', '9999999')
    .map((n) => `INTERVAL=${n}`),
  fc.constantFrom('1', '999', '3999', '4001', '9999999').map((n) => `COUNT=${n}`),
  numbers(366).map((list) => `BYSETPOS=${list}`),
  joined(weekday, ',', 9).map((list) => `BYDAY=${list}`),
  numbers(12).map((list) => `BYMONTH=${list}`),
  numbers(31).map((list) => `BYMONTHDAY=${list}`),
  numbers(366).map((list) => `BYYEARDAY=${list}`),
  numbers(53).map((list) => `BYWEEKNO=${list}`),
  numbers(23).map((list) => `BYHOUR=${list}`),
  numbers(59).map((list) => `BYMINUTE=${list}`),
  numbers(59).map((list) => `BYSECOND=${list}`),
  fc.constantFrom('WKST=SU', 'RSCALE=GREGORIAN', 'SKIP=FORWARD', 'UNTIL=21990101', 'UNTIL=19700101', 'X=1', 'BYDAY='),
);
const frequency = fc.constantFrom('SECONDLY', 'MINUTELY', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY');
const rule = fc
  .tuple(frequency, fc.array(rulePart, { maxLength: 6 }))
  .map(([name, parts]) =>
    [`FREQ=${name}`, ...new Map(parts.map((part) => [part.split('=')[0], part])).values()].join(';'),
  );
const date = instant.map((at) => `${new Date(at).toISOString().slice(0, 10).replaceAll('-', '')}T023000`);
const dates = fc
  .tuple(
    fc.constantFrom('RDATE', 'EXDATE'),
    fc.constantFrom('', ';TZID=Africa/Cairo', ';TZID=X'),
    joined(date, ',', 14),
  )
  .map(([name, zoneOfDates, list]) => `${name}${zoneOfDates}:${list}`);
const rrule = fc.record({
  type: fc.constant('rrule'),
  rrule: fc.oneof({ weight: 5, arbitrary: rule }, joined(fc.oneof(rule, dates), '\n', 4)).map(cut),
  dtstart: fc.constantFrom('1900-01-01T00:00:00', '1970-01-01T02:30:00', '2026-03-29T02:30:00', '2199-12-31T23:59:59'),
});

const lunar = fc.record({
  type: fc.constant('lunar'),
  month: fc.integer({ min: 1, max: 12 }),
  day: fc.integer({ min: 1, max: 30 }),
  leapMonth: fc.constantFrom('regular', 'leap', 'both', 'only'),
  missingDay: fc.constantFrom('last', 'next', 'skip'),
  hour: fc.integer({ min: 0, max: 23 }),
  minute: fc.constantFrom(0, 30),
});
const other = fc.oneof(
  fc.record({
    type: fc.constant('calendarInterval'),
    every: fc.constantFrom(1, 7, 12, 400, 99_999),
    unit: fc.constantFrom('second', 'minute', 'hour', 'day', 'week', 'month', 'year'),
    anchor: fc.constantFrom('0001-01-01T00:00:00', '2027-03-28T02:30:00', '9999-12-31T23:59:59'),
  }),
  fc.record({
    type: fc.constant('dailyWindow'),
    from: fc.constantFrom('00:00', '02:00', '02:30'),
    to: fc.constantFrom('00:00', '02:59', '23:59'),
    everyMs: fc.constantFrom(1000, 86_400_000),
    days: fc.constantFrom(undefined, ['SUN']),
  }),
  fc.record({ type: fc.constant('every'), everyMs: fc.constantFrom(100, 31_536_000_000) }),
);

describe('a text of 256 characters at most', () => {
  it.each([
    ['cron', cron, 150],
    ['well-formed cron', rightCron, 150],
    ['rrule', rrule, 300],
    ['lunar', lunar, 60],
    ['another schedule', other, 60],
  ] as const)('is answered or refused with bounded work: %s', (_, schedules, numRuns) => {
    fc.assert(
      fc.property(schedules as fc.Arbitrary<unknown>, context, instant, (schedule, zoned, at) => {
        expect(workOf(schedule, zoned, at)).toBeLessThan(MOST_WORK);
      }),
      { numRuns },
    );
  });

  const sevenths = Array.from({ length: 60 }, (_, second) => second).filter((second) => second % 7 !== 3);
  const weeks = Array.from({ length: 53 }, (_, week) => week + 1).join(',');

  it.each([
    'FREQ=WEEKLY;BYSETPOS=366;BYDAY=MO',
    'FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5',
    'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=SECONDLY;INTERVAL=7;BYDAY=MO;BYHOUR=0,7,14,21;BYMINUTE=0,7,14,21,28,35,42,49,56;BYSECOND=1,8,15,22,29,36',
    `FREQ=SECONDLY;INTERVAL=1001;BYDAY=MO;BYHOUR=0,7,14,21;BYMINUTE=0,7,14;BYSECOND=${sevenths.join(',')}`,
    'FREQ=SECONDLY;INTERVAL=86399;BYHOUR=1;BYMINUTE=1;BYSECOND=1;BYDAY=MO;BYMONTHDAY=31',
    'FREQ=SECONDLY;INTERVAL=9973;BYHOUR=5;BYMINUTE=3;BYSECOND=7;BYMONTH=2;BYMONTHDAY=29',
    'FREQ=SECONDLY;INTERVAL=11;BYSECOND=1,8,15;COUNT=400',
    'FREQ=SECONDLY;INTERVAL=61;BYHOUR=1;COUNT=9999',
    'FREQ=SECONDLY;INTERVAL=59;BYSECOND=7;COUNT=9999',
    'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYMONTH=2;BYSETPOS=7,-7;COUNT=9999999',
    'FREQ=WEEKLY;INTERVAL=53;BYMONTH=2;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=7',
    `FREQ=YEARLY;BYWEEKNO=${weeks};BYMONTH=12;BYMONTHDAY=31;BYDAY=MO;BYYEARDAY=1`,
    'FREQ=YEARLY;BYYEARDAY=1;BYMONTH=12;BYDAY=MO,1MO,2TU,3WE,4TH,5FR,6SA,7SU,8MO,9MO,53TU',
    'FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
    `RDATE:${Array.from({ length: 14 }, (_, i) => `${1975 + i * 15}0701T000000Z`).join(',')}`,
    `FREQ=DAILY\nEXDATE:${Array.from({ length: 14 }, (_, i) => `202703${i + 10}T023000`).join(',')}`,
    'RDATE;TZID=Asia/Gaza:20250309T023000\nRDATE;TZID=Asia/Tehran:20250309T023000\nRDATE;TZID=America/Nuuk:20250309T023000',
  ])('is so too where it was made to be slow: %s', (text) => {
    expect(text.length).toBeLessThanOrEqual(LONGEST);
    for (const dtstart of ['1970-01-01T02:30:00', '2027-01-01T02:30:00']) {
      const schedule = { type: 'rrule', rrule: text, dtstart };
      expect(workOf(schedule, { timeZone: 'Europe/Berlin', dstGap: 'skip' })).toBeLessThan(MOST_WORK);
    }
  });

  it('counts work: a search through all years is seen', () => {
    const everyFireInGap = { type: 'cron', expression: '0 30 2 ? 3 SUNL', dialect: 'quartz' };
    expect(workOf(everyFireInGap, { timeZone: 'Europe/Vienna', dstGap: 'skip' })).toBeGreaterThan(20_000);
    expect(workOf({ type: 'every', everyMs: 1000 }, { timeZone: 'UTC' })).toBeLessThan(200);
  });
});
