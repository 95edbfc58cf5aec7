import { describe, expect, it } from 'vitest';
import { ValidationError } from '../../../src/domain/errors.js';
import { toIso } from '../../../src/domain/time/instant.js';
import { compileSchedule } from '../../../src/domain/time/schedule.js';
import { refusalOf } from './refusal.js';

function compiled(rrule: string) {
  return compileSchedule({ type: 'rrule', rrule, dtstart: '2000-01-01T09:00:00' }, { timeZone: 'Europe/Berlin' });
}

function next(rrule: string, after: string): string | null {
  const at = compiled(rrule).next(Date.parse(after));
  return at === null ? null : toIso(at);
}

describe('a recurrence far from its start', () => {
  it('counts on for a century', () => {
    expect(next('FREQ=DAILY;COUNT=100000', '2125-01-01T00:00:00Z')).toBe('2125-01-01T08:00:00.000Z');
    expect(next('FREQ=SECONDLY;COUNT=1000000', '2000-01-05T00:00:00Z')).toBe('2000-01-05T00:00:01.000Z');
  });

  it('ends with its count', () => {
    expect(next('FREQ=WEEKLY;INTERVAL=2;COUNT=3', '2000-01-15T12:00:00Z')).toBe('2000-01-29T08:00:00.000Z');
    expect(next('FREQ=WEEKLY;INTERVAL=2;COUNT=3', '2000-01-29T12:00:00Z')).toBeNull();
    expect(next('FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2', '2000-02-01T00:00:00Z')).toBe('2000-03-31T07:00:00.000Z');
    expect(next('FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2', '2000-04-01T00:00:00Z')).toBeNull();
  });

  it('finds a leap day on a Monday across the year 2100, which is no leap year', () => {
    expect(next('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO', '2088-03-01T00:00:00Z')).toBe(
      '2112-02-29T08:00:00.000Z',
    );
  });

  it('counts every kind of rule, however far', () => {
    expect(next('FREQ=DAILY;BYDAY=MO;COUNT=3000', '2057-06-25T00:00:00Z')).toBe('2057-06-25T07:00:00.000Z');
    expect(next('FREQ=DAILY;BYDAY=MO;COUNT=3000', '2057-06-25T09:00:00Z')).toBeNull();
    expect(next('FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;COUNT=150', '2148-06-01T00:00:00Z')).toBe(
      '2149-01-01T08:00:00.000Z',
    );
    expect(next('FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;COUNT=150', '2149-06-01T00:00:00Z')).toBeNull();
    expect(next('FREQ=SECONDLY;BYSECOND=0,30;COUNT=2000', '2000-01-02T00:00:00Z')).toBe('2000-01-02T00:00:30.000Z');
    expect(next('FREQ=SECONDLY;BYSECOND=0,30;COUNT=2000', '2000-01-02T02:00:00Z')).toBeNull();
  });

  it.each(['FREQ=SECONDLY;BYSECOND=0,30;COUNT=5003', 'FREQ=WEEKLY;BYMONTH=2;COUNT=9999'])(
    'refuses to count %s through',
    (rrule) => {
      const refusal = refusalOf(() => compiled(rrule));
      expect(refusal.message).toMatch(/^COUNT=\d+ is too large/);
    },
  );

  it('counts from a start before 1970, and not from one before 1900', () => {
    const from = (dtstart: string) =>
      compileSchedule({ type: 'rrule', rrule: 'FREQ=DAILY;BYHOUR=6,18;COUNT=60000', dtstart }, { timeZone: 'UTC' });
    const last = Date.UTC(1900, 0, 1, 18) + 29_999 * 86_400_000;
    expect(from('1900-01-01T00:00:00').previous(Infinity)).toBe(last);
    expect(() => from('1899-12-31T00:00:00')).toThrow(ValidationError);
  });

  it('finds a time that a long interval meets seldom', () => {
    expect(next('FREQ=SECONDLY;INTERVAL=99991;BYHOUR=5;BYMINUTE=3', '2000-01-01T09:00:00Z')).toBe(
      '2160-09-27T03:03:59.000Z',
    );
    expect(next('FREQ=MINUTELY;INTERVAL=1441;BYHOUR=8;BYMINUTE=59', '2000-01-02T00:00:00Z')).toBe(
      '2003-12-11T07:59:00.000Z',
    );
  });

  it.each([
    ['FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30', 'no month'],
    ['FREQ=SECONDLY;BYMONTH=2,4;BYMONTHDAY=31', 'no month'],
    ['FREQ=WEEKLY;BYSETPOS=366;BYDAY=MO', "'366' in BYSETPOS"],
    ['FREQ=DAILY;BYHOUR=1,2;BYSETPOS=3,-3', "'3,-3' in BYSETPOS"],
    ['FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5', 'INTERVAL=1440'],
    ['FREQ=DAILY;INTERVAL=7;BYDAY=MO', 'INTERVAL=7'],
    ['FREQ=WEEKLY;BYMONTHDAY=5', 'BYMONTHDAY'],
    ['FREQ=MONTHLY;BYWEEKNO=5', 'BYWEEKNO'],
    ['FREQ=DAILY;BYYEARDAY=5', 'BYYEARDAY'],
    ['FREQ=DAILY;BYDAY=2MO', "'2MO' in BYDAY"],
    ['FREQ=YEARLY;BYWEEKNO=20;BYDAY=-1MO', "'-1MO' in BYDAY"],
    ['FREQ=DAILY;BYSETPOS=1', 'BYSETPOS needs'],
  ])('refuses %s and says why: %s', (rrule, fragment) => {
    const refusal = refusalOf(() => compiled(rrule));
    expect(refusal).toMatchObject({ code: 'CJ_SCHEDULE_INVALID', field: 'rrule' });
    expect(refusal.message).toContain(fragment);
  });
});
