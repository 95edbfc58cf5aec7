import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileCalendar,
  parseCalendar,
  type CalendarDefinition,
  type CompiledCalendar,
} from '../../src/domain/calendar.js';
import { ValidationError } from '../../src/domain/errors.js';
import { toIso } from '../../src/domain/time/instant.js';
import { compileSchedule, type Schedule } from '../../src/domain/time/schedule.js';

const BERLIN = { timeZone: 'Europe/Berlin' };

function calendar(input: object, base?: CompiledCalendar): CompiledCalendar {
  return compileCalendar(parseCalendar(input), { ...BERLIN, base });
}

function fires(schedule: Schedule, calendars: CompiledCalendar[], after: string, count: number): string[] {
  const compiled = compileSchedule(schedule, { ...BERLIN, calendars });
  const found = compiled.preview(Date.parse(after), count);
  const back = found.map((at) => compiled.previous(at + 1));
  expect(back, 'previous agrees with next').toEqual(found);
  for (let i = 1; i < found.length; i++) expect(compiled.previous(found[i] as number)).toBe(found[i - 1]);
  return found.map((at) => toIso(at));
}

const daily9: Schedule = { type: 'cron', expression: '0 9 * * *' };
const hourly: Schedule = { type: 'cron', expression: '0 * * * *' };

describe('a calendar', () => {
  it('keeps a list of dates free', () => {
    const holidays = calendar({ type: 'dates', dates: ['2026-12-25', '2026-12-26'] });
    expect(fires(daily9, [holidays], '2026-12-24T00:00:00Z', 2)).toEqual([
      '2026-12-24T08:00:00.000Z',
      '2026-12-27T08:00:00.000Z',
    ]);
  });

  it('lets only its times fire when it includes', () => {
    const days = calendar({ type: 'dates', mode: 'include', dates: ['2026-12-25'] });
    expect(fires(daily9, [days], '2026-01-01T00:00:00Z', 5)).toEqual(['2026-12-25T08:00:00.000Z']);
  });

  it('repeats every year, week and month', () => {
    const annual = calendar({ type: 'annual', days: ['12-25'] });
    const weekly = calendar({ type: 'weekly', days: ['SAT', 'SUN'] });
    const monthly = calendar({ type: 'monthly', days: [23, 24] });
    // 2026-12-23 is a Wednesday.
    expect(fires(daily9, [annual, weekly, monthly], '2026-12-22T12:00:00Z', 2)).toEqual([
      '2026-12-28T08:00:00.000Z',
      '2026-12-29T08:00:00.000Z',
    ]);
  });

  it('excludes the hours of a day from the first until just before the last, through midnight too', () => {
    const night = calendar({ type: 'daily', from: '22:00', to: '06:00' });
    expect(fires(hourly, [night], '2026-06-01T18:30:00Z', 3)).toEqual([
      '2026-06-01T19:00:00.000Z',
      '2026-06-02T04:00:00.000Z',
      '2026-06-02T05:00:00.000Z',
    ]);
  });

  it('inverts hours into opening hours', () => {
    const open = calendar({ type: 'daily', mode: 'include', from: '09:00', to: '11:00' });
    expect(fires(hourly, [open], '2026-06-01T00:00:00Z', 3)).toEqual([
      '2026-06-01T07:00:00.000Z',
      '2026-06-01T08:00:00.000Z',
      '2026-06-02T07:00:00.000Z',
    ]);
  });

  it('excludes what a cron expression matches, to the second', () => {
    const lunch = calendar({ type: 'cron', expression: '* * 12-13 ? * MON-FRI', dialect: 'quartz' });
    expect(fires(hourly, [lunch], '2026-06-01T09:30:00Z', 2)).toEqual([
      '2026-06-01T12:00:00.000Z',
      '2026-06-01T13:00:00.000Z',
    ]);
    expect(lunch.includes(Date.parse('2026-06-01T09:59:59.999Z'))).toBe(true);
    expect(lunch.includes(Date.parse('2026-06-01T10:00:00.000Z'))).toBe(false);
  });

  it('takes the events of an iCalendar file, repeated ones and all-day ones, but no cancelled one', () => {
    const event = (...lines: string[]) => ['BEGIN:VEVENT', 'UID:1', ...lines, 'END:VEVENT'].join('\r\n');
    const ics = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      event('DTSTART;VALUE=DATE:20261225', 'DTEND;VALUE=DATE:20261227'),
      event('DTSTART;TZID=Europe/Berlin:20261201T083000', 'DURATION:PT1H', 'RRULE:FREQ=WEEKLY;BYDAY=TU'),
      event('DTSTART:20261224T070000Z', 'DTEND:20261224T090000Z', 'STATUS:CANCELLED'),
      'END:VCALENDAR',
    ].join('\r\n');
    // Tuesdays are 22 and 29 December.
    expect(fires(daily9, [calendar({ type: 'ics', ics })], '2026-12-21T12:00:00Z', 4)).toEqual([
      '2026-12-23T08:00:00.000Z',
      '2026-12-24T08:00:00.000Z',
      '2026-12-27T08:00:00.000Z',
      '2026-12-28T08:00:00.000Z',
    ]);
  });

  it('stands on a base: both have to include a time', () => {
    const base = calendar({ type: 'weekly', days: ['SAT', 'SUN'] });
    const open = calendar({ type: 'daily', mode: 'include', from: '09:00', to: '10:00' }, base);
    const friday = Date.parse('2026-06-05T12:00:00Z');
    expect(toIso(open.nextIncluded(friday) ?? 0)).toBe('2026-06-08T07:00:00.000Z');
    expect(toIso(open.previousIncluded(Date.parse('2026-06-08T06:00:00Z')) ?? 0)).toBe('2026-06-05T07:59:59.999Z');
  });

  it('reads its days in its own zone when it names one', () => {
    const tokyo = calendar({ type: 'dates', dates: ['2026-12-25'], timeZone: 'Asia/Tokyo' });
    expect(tokyo.includes(Date.parse('2026-12-24T14:59:59Z'))).toBe(true);
    expect(tokyo.includes(Date.parse('2026-12-24T15:00:00Z'))).toBe(false);
  });

  it('answers that nothing follows when a schedule and its calendars exclude each other', () => {
    const mondays = calendar({ type: 'weekly', days: ['MON'] });
    expect(fires({ type: 'cron', expression: '0 9 * * MON' }, [mondays], '2026-01-01T00:00:00Z', 1)).toEqual([]);
  });

  it('names the field of what cannot be read', () => {
    const violation = (input: object) => {
      try {
        parseCalendar(input);
      } catch (error) {
        if (error instanceof ValidationError) return error.violations[0]?.field;
      }
      return 'accepted';
    };
    expect(violation({ type: 'dates', dates: ['2026-13-01'] })).toBe('dates[0]');
    expect(violation({ type: 'cron', expression: '99 * * * *' })).toBe('expression');
    expect(violation({ type: 'ics', ics: 'no calendar' })).toBe('ics');
    expect(violation({ type: 'weekly', days: ['MON'], timeZone: 'Mars/Base' })).toBe('timeZone');
  });
});

describe('a calendar, asked for the next or the last included time', () => {
  const minute = fc.integer({ min: 0, max: 1440 });
  const clockTime = (value: number): string =>
    `${String(Math.floor(value / 60)).padStart(2, '0')}:${String(value % 60).padStart(2, '0')}`;
  const mode = fc.constantFrom('include' as const, 'exclude' as const);
  const definition: fc.Arbitrary<CalendarDefinition> = fc.oneof(
    fc.record({ type: fc.constant('daily' as const), from: minute.map(clockTime), to: minute.map(clockTime), mode }),
    fc.record({
      type: fc.constant('cron' as const),
      expression: fc.constantFrom(
        '0-29 * * ? * *',
        '* 5,6,59 * ? * *',
        '* * 3 ? * *',
        '* * * 28 3 ?',
        '0 30 12 ? * SUN',
      ),
      dialect: fc.constant('quartz' as const),
      mode,
    }),
  );

  it('finds what looking at every second finds, also through clock changes', () => {
    // Around the change of 28 March 2027, 01:00Z, and the one of 31 October.
    const from = fc.oneof(
      fc.integer({ min: Date.UTC(2027, 2, 27, 22), max: Date.UTC(2027, 2, 28, 6) }),
      fc.integer({ min: Date.UTC(2027, 9, 30, 22), max: Date.UTC(2027, 9, 31, 6) }),
    );
    fc.assert(
      fc.property(definition, from, (given, at) => {
        const compiled = calendar(given);
        const [earliest, latest] = [at - 7_200_000, at + 7_200_000];
        const next = compiled.nextIncluded(at);
        let expected = at;
        while (expected <= latest && !compiled.includes(expected)) expected = (Math.floor(expected / 1000) + 1) * 1000;
        if (expected <= latest) expect(next).toBe(expected);
        else expect(next ?? Infinity).toBeGreaterThan(latest);
        const last = compiled.previousIncluded(at);
        if (last === null) return;
        expect(compiled.includes(last)).toBe(true);
        expect(last === at || !compiled.includes(last + 1)).toBe(true);
        for (let t = Math.max(last + 1, earliest); t <= at; t += 1000) expect(compiled.includes(t)).toBe(false);
      }),
    );
  });

  it('leaps from the one second of a year to the next, and over every day of a range that no fire meets', () => {
    const newYear = calendar({ type: 'cron', mode: 'include', expression: '0 0 0 1 1 ?', dialect: 'quartz' });
    expect(toIso(newYear.nextIncluded(Date.parse('2026-01-02T00:00:00Z')) ?? 0)).toBe('2026-12-31T23:00:00.000Z');
    expect(toIso(newYear.previousIncluded(Date.parse('2026-11-02T00:00:00Z')) ?? 0)).toBe('2025-12-31T23:00:00.999Z');
    const odd = calendar({ type: 'daily', mode: 'include', from: '09:07:01', to: '10:13:02' });
    expect(fires({ type: 'cron', expression: '40 23 * * *' }, [odd], '2026-11-21T00:00:00Z', 1)).toEqual([]);
  });
});
