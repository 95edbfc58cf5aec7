import { describe, expect, it } from 'vitest';
import {
  compileSchedule,
  waitsForCompletion,
  type Schedule,
  type ScheduleContext,
} from '../../../src/domain/time/schedule.js';
import { refusalOf } from './refusal.js';

const UTC: ScheduleContext = { timeZone: 'UTC' };

function fires(schedule: Schedule, after: string, count: number, context: ScheduleContext = UTC): string[] {
  return compileSchedule(schedule, context)
    .preview(Date.parse(after) - 1, count)
    .map((at) => new Date(at).toISOString().slice(0, 19));
}

describe('every', () => {
  it('counts from its anchor in both directions and never drifts', () => {
    const schedule: Schedule = { type: 'every', everyMs: 7 * 60_000, anchor: '2026-01-01T00:01:00Z' };
    expect(fires(schedule, '2026-01-01T00:00:00Z', 2)).toEqual(['2026-01-01T00:01:00', '2026-01-01T00:08:00']);
    expect(fires(schedule, '2025-12-31T23:50:00Z', 2)).toEqual(['2025-12-31T23:54:00', '2026-01-01T00:01:00']);
    const compiled = compileSchedule(schedule, UTC);
    const anchor = Date.parse('2026-01-01T00:01:00Z');
    expect(compiled.next(anchor + 1_000_000 * 420_000)).toBe(anchor + 1_000_001 * 420_000);
    expect(compiled.previous(anchor + 1)).toBe(anchor);
  });

  it('counts from the epoch without an anchor, and is the same in every zone', () => {
    const schedule: Schedule = { type: 'every', everyMs: 90_000 };
    expect(compileSchedule(schedule, { timeZone: 'Australia/Lord_Howe' }).next(1)).toBe(90_000);
  });
});

describe('at and after', () => {
  it('fires once at an instant', () => {
    const compiled = compileSchedule({ type: 'at', at: '2026-05-05T12:00:00+02:00' }, { timeZone: 'Asia/Tokyo' });
    const at = Date.parse('2026-05-05T10:00:00Z');
    expect([compiled.next(at - 1), compiled.next(at), compiled.previous(at + 1), compiled.previous(at)]).toEqual([
      at,
      null,
      at,
      null,
    ]);
    expect(compiled.preview(0, 10)).toEqual([at]);
  });

  it('fires so long after each completion', () => {
    const schedule: Schedule = { type: 'after', delayMs: 5000 };
    expect(compileSchedule(schedule, UTC).next(1_000_123)).toBe(1_005_123);
    expect(waitsForCompletion(schedule)).toBe(true);
    expect(waitsForCompletion({ type: 'every', everyMs: 5000 })).toBe(false);
  });
});

describe('calendarInterval', () => {
  it('keeps the 31st through shorter months', () => {
    const monthly: Schedule = { type: 'calendarInterval', every: 1, unit: 'month', anchor: '2026-01-31T09:00:00' };
    expect(fires(monthly, '2026-01-01T00:00:00Z', 5)).toEqual([
      '2026-01-31T09:00:00',
      '2026-02-28T09:00:00',
      '2026-03-31T09:00:00',
      '2026-04-30T09:00:00',
      '2026-05-31T09:00:00',
    ]);
  });

  it('finds 29 February again in the next leap year', () => {
    const yearly: Schedule = { type: 'calendarInterval', every: 1, unit: 'year', anchor: '2024-02-29T00:00:00' };
    expect(fires(yearly, '2026-01-01T00:00:00Z', 3)).toEqual([
      '2026-02-28T00:00:00',
      '2027-02-28T00:00:00',
      '2028-02-29T00:00:00',
    ]);
  });

  it('counts from the anchor, whatever was asked before', () => {
    const quarterly: Schedule = { type: 'calendarInterval', every: 5, unit: 'month', anchor: '2020-10-31T00:00:00' };
    expect(fires(quarterly, '2020-01-01T00:00:00Z', 3)).toEqual([
      '2020-05-31T00:00:00',
      '2020-10-31T00:00:00',
      '2021-03-31T00:00:00',
    ]);
  });

  it('keeps the time of day from the day on, and elapsed time up to the hour', () => {
    const context: ScheduleContext = { timeZone: 'America/New_York' };
    const anchor = '2026-03-07T02:30:00';
    // 8 March 2026 has no 02:30.
    expect(
      fires({ type: 'calendarInterval', every: 1, unit: 'day', anchor }, '2026-03-07T00:00:00Z', 4, context),
    ).toEqual(['2026-03-07T07:30:00', '2026-03-08T07:00:00', '2026-03-09T06:30:00', '2026-03-10T06:30:00']);
    expect(
      fires({ type: 'calendarInterval', every: 24, unit: 'hour', anchor }, '2026-03-07T00:00:00Z', 3, context).slice(1),
    ).toEqual(['2026-03-08T07:30:00', '2026-03-09T07:30:00']);
  });

  it('takes an anchor with an offset as an instant', () => {
    const weekly: Schedule = { type: 'calendarInterval', every: 2, unit: 'week', anchor: '2026-01-05T09:00:00Z' };
    expect(fires(weekly, '2026-01-01T00:00:00Z', 2, { timeZone: 'Asia/Shanghai' })).toEqual([
      '2026-01-05T09:00:00',
      '2026-01-19T09:00:00',
    ]);
    const local: Schedule = { ...weekly, anchor: '2026-01-05T09:00:00' };
    expect(fires(local, '2026-01-01T00:00:00Z', 1, { timeZone: 'Asia/Shanghai' })).toEqual(['2026-01-05T01:00:00']);
  });
});

describe('dailyWindow', () => {
  it('fires from the first to the last time of day, on chosen days', () => {
    const schedule: Schedule = {
      type: 'dailyWindow',
      from: '09:00',
      to: '10:00',
      everyMs: 1_800_000,
      days: ['MON', 'WED'],
    };
    expect(fires(schedule, '2026-01-05T09:30:00Z', 5)).toEqual([
      '2026-01-05T09:30:00',
      '2026-01-05T10:00:00',
      '2026-01-07T09:00:00',
      '2026-01-07T09:30:00',
      '2026-01-07T10:00:00',
    ]);
  });

  it('runs past midnight; the day is the one on which it begins', () => {
    const schedule: Schedule = {
      type: 'dailyWindow',
      from: '23:00',
      to: '00:30:30',
      everyMs: 2_700_000,
      days: ['SAT'],
    };
    expect(fires(schedule, '2026-01-01T00:00:00Z', 4)).toEqual([
      '2026-01-03T23:00:00',
      '2026-01-03T23:45:00',
      '2026-01-04T00:30:00',
      '2026-01-10T23:00:00',
    ]);
  });

  it('fires once a day where the step is longer than the window', () => {
    const schedule: Schedule = { type: 'dailyWindow', from: '09:00', to: '09:00', everyMs: 60_000 };
    expect(fires(schedule, '2026-01-01T00:00:00Z', 2)).toEqual(['2026-01-01T09:00:00', '2026-01-02T09:00:00']);
  });

  it('follows elapsed time through both passes of a repeated hour', () => {
    const schedule: Schedule = { type: 'dailyWindow', from: '01:00', to: '02:00', everyMs: 1_800_000 };
    expect(fires(schedule, '2025-11-02T04:00:00Z', 5, { timeZone: 'America/New_York' })).toEqual([
      '2025-11-02T05:00:00',
      '2025-11-02T05:30:00',
      '2025-11-02T06:00:00',
      '2025-11-02T06:30:00',
      '2025-11-02T07:00:00',
    ]);
  });
});

describe('zones', () => {
  it.each(['Mars/Olympus', '', '+02:00', 'UTC+2', 'Europe/Berlin '])('refuses %j', (timeZone) => {
    expect(refusalOf(() => compileSchedule({ type: 'every', everyMs: 1000 }, { timeZone }))).toMatchObject({
      code: 'CJ_SCHEDULE_INVALID',
      field: 'timeZone',
    });
  });

  it('takes other spellings of a zone', () => {
    const schedule: Schedule = { type: 'cron', expression: '0 12 * * *' };
    const next = (timeZone: string): number | null => compileSchedule(schedule, { timeZone }).next(0);
    expect(next('america/new_york')).toBe(next('America/New_York'));
    expect(next('US/Eastern')).toBe(next('America/New_York'));
  });
});

describe('calendars', () => {
  it('leaves out what a calendar excludes and leaps over it in one step', () => {
    const [from, to] = [Date.parse('2026-01-03T00:00:00Z'), Date.parse('2030-01-01T00:00:00Z')];
    let asked = 0;
    const closed = {
      includes: (at: number) => at < from || at >= to,
      nextIncluded: (at: number) => (asked++, at < from ? at : Math.max(at, to)),
      previousIncluded: (at: number) => (at >= to ? at : Math.min(at, from - 1)),
    };
    const compiled = compileSchedule({ type: 'cron', expression: '* * * * *' }, { ...UTC, calendars: [closed] });
    expect(compiled.next(from - 60_000)).toBe(to);
    expect(asked).toBe(1);
    expect(compiled.previous(to)).toBe(from - 60_000);
    const never = { includes: () => false, nextIncluded: () => null, previousIncluded: () => null };
    expect(
      compileSchedule({ type: 'every', everyMs: 1000 }, { ...UTC, calendars: [closed, never] }).next(0),
    ).toBeNull();
  });
});
