import { describe, expect, it } from 'vitest';
import { ValidationError } from '../../../src/domain/errors.js';
import { toIso } from '../../../src/domain/time/instant.js';
import { compileSchedule } from '../../../src/domain/time/schedule.js';

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

  it.each([
    'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=SECONDLY;BYMONTH=2,4;BYMONTHDAY=31',
    'FREQ=DAILY;BYDAY=MO;COUNT=1001',
    'FREQ=DAILY;BYMONTH=1;BYMONTHDAY=1;COUNT=900',
  ])('refuses %s', (rrule) => {
    expect(() => compiled(rrule)).toThrow(ValidationError);
  });
});
