import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronText } from '../../../src/domain/time/cron-text.js';
import { readCron } from '../../../src/domain/time/cron.js';
import { compileSchedule, type Schedule } from '../../../src/domain/time/schedule.js';
import { unixExpression } from './random-cron.js';

const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Dublin',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Pacific/Apia',
  'Antarctica/Troll',
  'Pacific/Chatham',
  'Africa/Casablanca',
  'America/Havana',
];
const zone = fc.constantFrom(...ZONES);
const dst = fc.record({
  dstGap: fc.constantFrom('next', 'skip', 'shift', undefined),
  dstOverlap: fc.constantFrom('first', 'second', 'both', undefined),
});
const instant = fc.integer({ min: Date.UTC(1971, 0, 1), max: Date.UTC(2190, 0, 1) });
/** Around the clock changes of these years, to the millisecond. */
const nearChange = fc
  .tuple(
    fc.integer({ min: 2009, max: 2019 }),
    fc.constantFrom(2, 3, 9, 10, 11),
    fc.integer({ min: 0, max: 31 * 86_400_000 }),
  )
  .map(([year, month, ms]) => Date.UTC(year, month, 1) + ms);
const text = (pattern: RegExp): fc.Arbitrary<string> => fc.stringMatching(pattern);

const schedule: fc.Arbitrary<Schedule> = fc.oneof(
  { weight: 4, arbitrary: unixExpression.map((expression): Schedule => ({ type: 'cron', expression })) },
  fc.constantFrom<Schedule>(
    { type: 'cron', expression: '0 0 29 2 *' },
    { type: 'cron', expression: '30 2 L * *' },
    { type: 'cron', expression: '15 1 15W * *' },
    { type: 'cron', expression: '0 0 0 ? * 2#5', dialect: 'quartz' },
    { type: 'cron', expression: '*/7 */7 */3 * * ?', dialect: 'quartz' },
    { type: 'rrule', rrule: 'FREQ=MONTHLY;BYDAY=-1SU', dtstart: '2000-01-01T02:30:00' },
    { type: 'rrule', rrule: 'FREQ=YEARLY;BYMONTH=3,10,11;BYDAY=SU', dtstart: '2000-01-01T01:30:00' },
    { type: 'lunar', month: 8, day: 15, hour: 9, minute: 0 },
    { type: 'lunar', month: 4, day: 30, leapMonth: 'both', missingDay: 'next', hour: 0, minute: 30 },
  ),
  fc
    .record({ everyMs: fc.integer({ min: 100, max: 1e9 }) })
    .map(({ everyMs }): Schedule => ({ type: 'every', everyMs, anchor: '2013-05-06T07:08:09.123Z' })),
  fc
    .record({
      every: fc.integer({ min: 1, max: 40 }),
      unit: fc.constantFrom<'hour' | 'day' | 'week' | 'month' | 'year'>('hour', 'day', 'week', 'month', 'year'),
    })
    .map((fields): Schedule => ({ type: 'calendarInterval', ...fields, anchor: '2012-02-29T02:30:00' })),
  fc
    .record({
      from: text(/^([01]\d|2[0-3]):[0-5]\d$/),
      to: text(/^([01]\d|2[0-3]):[0-5]\d$/),
      everyMs: fc.integer({ min: 1000, max: 86_400_000 }),
    })
    .map((fields): Schedule => ({ type: 'dailyWindow', ...fields, days: ['SAT', 'SUN'] })),
);

const RUNS = { numRuns: 400 };

describe('next fires of any schedule', () => {
  it('lie strictly later and are the same from every instant before them', () => {
    fc.assert(
      fc.property(
        schedule,
        zone,
        dst,
        fc.oneof(instant, nearChange),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (...run) => {
          const [rule, timeZone, options, after, part] = run;
          const compiled = compileSchedule(rule, { timeZone, ...options });
          const at = compiled.next(after);
          if (at === null) return;
          expect(at).toBeGreaterThan(after);
          expect(Number.isInteger(at)).toBe(true);
          const between = after + Math.floor((at - 1 - after) * part);
          expect(compiled.next(between)).toBe(at);
          expect(compiled.next(at - 1)).toBe(at);
        },
      ),
      RUNS,
    );
  });

  it('are what looking back finds: previous, between and preview agree with next', () => {
    fc.assert(
      fc.property(schedule, zone, dst, fc.oneof(instant, nearChange), (rule, timeZone, options, after) => {
        const compiled = compileSchedule(rule, { timeZone, ...options });
        const ahead = compiled.preview(after, 12);
        const last = ahead.at(-1);
        if (last === undefined) return;
        const back: number[] = [];
        for (let at = compiled.previous(last + 1); at !== null && at > after; at = compiled.previous(at)) back.push(at);
        expect(back.reverse()).toEqual(ahead);
        expect(compiled.between(after + 1, last, 100)).toEqual(ahead.slice(0, -1));
        expect(compiled.between(after + 1, last + 1, 100)).toEqual(ahead);
        expect(compiled.between(ahead[0] as number, last + 1, 3)).toEqual(ahead.slice(0, 3));
        expect(compiled.previous(ahead[0] as number) ?? -Infinity).toBeLessThanOrEqual(after);
      }),
      RUNS,
    );
  });

  it('do not depend on what was asked before', () => {
    fc.assert(
      fc.property(
        unixExpression,
        zone,
        fc.array(instant, { minLength: 2, maxLength: 6 }),
        (expression, timeZone, asked) => {
          const compiled = compileSchedule({ type: 'cron', expression }, { timeZone });
          const first = asked.map((at) => compiled.next(at));
          expect(asked.toReversed().map((at) => compiled.next(at))).toEqual(first.toReversed());
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('next fires of cron', () => {
  it('match in UTC, with nothing that matches in between', () => {
    fc.assert(
      fc.property(unixExpression, instant, (expression, after) => {
        const matches = matcherOf(expression);
        const at = compileSchedule({ type: 'cron', expression }, { timeZone: 'UTC' }).next(after);
        expect(at).not.toBeNull();
        const found = at as number;
        expect(matches(found)).toBe(true);
        // By the minute for three days, then by the day at the time of the fire.
        const threeDaysLater = after + 3 * 86_400_000;
        for (let t = Math.floor(after / 60_000 + 1) * 60_000; t < found && t < threeDaysLater; t += 60_000) {
          expect(matches(t)).toBe(false);
        }
        for (let t = found - 86_400_000; t > threeDaysLater; t -= 86_400_000) expect(matches(t)).toBe(false);
      }),
      { numRuns: 80 },
    );
  });

  it('survive the canonical text, which is stable', () => {
    fc.assert(
      fc.property(unixExpression, (expression) => {
        const { fields } = readCron(expression, 'unix', '');
        const canonical = cronText(fields, 'unix');
        expect(readCron(canonical, 'unix', '').fields).toEqual(fields);
        expect(cronText(readCron(canonical, 'unix', '').fields, 'unix')).toBe(canonical);
      }),
      { numRuns: 1000 },
    );
  });

  it('cost no more when they lie far ahead', () => {
    const compiled = compileSchedule(
      { type: 'cron', expression: '0 0 0 29 2 ? 2096', dialect: 'quartz' },
      { timeZone: 'Europe/Berlin' },
    );
    expect(compiled.next(0)).toBe(Date.parse('2096-02-28T23:00:00Z'));
    expect(compiled.next(Date.parse('2096-02-28T23:00:00Z'))).toBeNull();
    expect(
      compileSchedule({ type: 'cron', expression: '0 0 29 2 *' }, { timeZone: 'UTC' }).next(Date.UTC(2096, 2, 1)),
    ).toBe(Date.UTC(2104, 1, 29));
  });
});

/** A slow and plain reading of five fields, digit by digit, independent of the engine's reader. */
function matcherOf(expression: string): (at: number) => boolean {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = expression
    .replaceAll('SUN', '0')
    .replaceAll('MON', '1')
    .replaceAll('SAT', '6')
    .replaceAll('JAN', '1')
    .replaceAll('DEC', '12')
    .split(' ');
  const isAny = (text: string): boolean => text.split(',').some((part) => part === '*' || part === '*/1');
  return (at) => {
    const date = new Date(at);
    const isDay = includes(day, date.getUTCDate(), 1);
    const isWeekday = includes(weekday, date.getUTCDay(), 0) || (date.getUTCDay() === 0 && includes(weekday, 7, 0, 6));
    const isDate = isAny(day) ? isWeekday : isAny(weekday) ? isDay : isDay || isWeekday;
    return (
      date.getUTCSeconds() === 0 &&
      date.getUTCMilliseconds() === 0 &&
      includes(minute, date.getUTCMinutes(), 0) &&
      includes(hour, date.getUTCHours(), 0) &&
      includes(month, date.getUTCMonth() + 1, 1) &&
      isDate
    );
  };
}

function includes(text: string, value: number, min: number, max = Infinity): boolean {
  return text.split(',').some((part) => {
    const [base = '', step = '1'] = part.split('/');
    const [first = 0, last] = base === '*' ? [min, max] : base.split('-').map(Number);
    const end = last ?? (part.includes('/') ? max : first);
    return value >= first && value <= end && (value - first) % Number(step) === 0;
  });
}
