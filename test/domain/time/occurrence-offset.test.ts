import { describe, expect, it } from 'vitest';
import { compileSchedule, type Schedule } from '../../../src/domain/time/schedule.js';

const DAY_MS = 86_400_000;

function fires(timeZone: string, fields: Omit<Extract<Schedule, { type: 'rrule' }>, 'type'>, count = 3): string[] {
  const compiled = compileSchedule({ type: 'rrule', ...fields }, { timeZone, dstGap: 'shift' });
  return compiled.preview(Date.parse('2026-01-01T00:00:00Z'), count).map((at) => new Date(at).toISOString());
}

describe('a recurrence with an offset', () => {
  it('fires whole days before at the same wall-clock time, whatever the clocks do in between', () => {
    const rule = { rrule: 'FREQ=DAILY;COUNT=1', dtstart: '2026-03-08T09:00:00' };
    // New York goes from UTC-5 to UTC-4 on 8 March: 09:00 on the 7th, and 24 hours earlier than 09:00 on the 8th.
    expect(fires('America/New_York', { ...rule, offsetDays: -1 })).toEqual(['2026-03-07T14:00:00.000Z']);
    expect(fires('America/New_York', { ...rule, offsetMs: -DAY_MS })).toEqual(['2026-03-07T13:00:00.000Z']);
  });

  it('follows each occurrence where no shifted rule could: the day before the fourth Thursday of November', () => {
    const rule = { rrule: 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH', dtstart: '2020-11-26T09:00:00', offsetDays: -1 };
    expect(fires('America/New_York', rule, 4)).toEqual([
      '2026-11-25T14:00:00.000Z',
      '2027-11-24T14:00:00.000Z',
      '2028-11-22T14:00:00.000Z',
      '2029-11-21T14:00:00.000Z',
    ]);
  });

  it('adds days and exact time, after the occurrence too', () => {
    const rule = { rrule: 'FREQ=MONTHLY;BYMONTHDAY=1', dtstart: '2026-01-01T10:00:00' };
    expect(fires('UTC', { ...rule, offsetDays: -2, offsetMs: -1_800_000 }, 2)).toEqual([
      '2026-01-30T09:30:00.000Z',
      '2026-02-27T09:30:00.000Z',
    ]);
    expect(fires('UTC', { ...rule, offsetMs: 900_000 }, 1)).toEqual(['2026-01-01T10:15:00.000Z']);
  });

  it('fires late by the gap where the moved time does not exist', () => {
    const rule = { rrule: 'FREQ=DAILY;COUNT=1', dtstart: '2026-03-09T02:30:00', offsetDays: -1 };
    expect(fires('America/New_York', rule)).toEqual(['2026-03-08T07:30:00.000Z']);
  });

  it('looks back as it looks ahead', () => {
    const compiled = compileSchedule(
      { type: 'rrule', rrule: 'FREQ=WEEKLY', dtstart: '2026-01-05T09:00:00', offsetDays: -1, offsetMs: -60_000 },
      { timeZone: 'Europe/Berlin' },
    );
    const ahead = compiled.preview(Date.parse('2026-02-01T00:00:00Z'), 20);
    expect(ahead.slice(1).map((at) => compiled.previous(at))).toEqual(ahead.slice(0, -1));
  });

  it('leaves out excluded occurrences, which count all the same', () => {
    const rrule = 'RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20260112T090000';
    expect(fires('UTC', { rrule, dtstart: '2026-01-05T09:00:00', offsetDays: -1 })).toEqual([
      '2026-01-04T09:00:00.000Z',
      '2026-01-18T09:00:00.000Z',
    ]);
  });
});
