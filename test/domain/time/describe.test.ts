import { describe, expect, it } from 'vitest';
import { describeSchedule } from '../../../src/domain/time/describe.js';

describe('describeSchedule', () => {
  it.each([
    [
      { type: 'cron', expression: '*/15 9-17 * * MON-FRI' },
      'Every 15 minutes, between 09:00 and 17:59, Monday through Friday, UTC',
    ],
    [
      { type: 'cron', expression: '0 0 12 ? * 2#1', dialect: 'quartz' },
      'At 12:00, on the first Monday of the month, UTC',
    ],
    [{ type: 'cron', expression: '0 12 * * 1' }, 'At 12:00, only on Monday, UTC'],
    [{ type: 'cron', expression: 'H H * * *' }, 'Cron H H * * *, UTC'],
    [{ type: 'every', everyMs: 90_000 }, 'Every 90 seconds'],
    [{ type: 'every', everyMs: 3_600_000 }, 'Every hour'],
    [{ type: 'at', at: '2026-11-21T09:00:00Z' }, 'Once, at 2026-11-21T09:00:00Z'],
    [
      { type: 'calendarInterval', every: 2, unit: 'month', anchor: '2026-01-31T09:00:00' },
      'Every 2 months from 2026-01-31T09:00:00, UTC',
    ],
    [
      {
        type: 'rrule',
        rrule: 'RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO',
        dtstart: '2026-01-05T10:00:00',
        offsetMs: -900_000,
      },
      '15 minutes before: every 2 weeks on Monday at 10 AM, UTC',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH', dtstart: '2020-11-26T09:00:00' },
      'every year on 4th Thursday in November at 9 AM, UTC',
    ],
    [{ type: 'lunar', month: 8, day: 15, hour: 9, minute: 0 }, 'Every lunar year on day 15 of month 8 at 09:00, UTC'],
    [
      { type: 'lunar', month: 6, day: 30, leapMonth: 'only', missingDay: 'skip', hour: 9, minute: 0, offsetDays: -1 },
      '1 day before: Every lunar year on day 30 of month 6 at 09:00, where there is one (in the leap month only), UTC',
    ],
    [{ type: 'rrule', rrule: 'RDATE:20270329T000000', dtstart: '2026-04-06T00:00:00' }, 'on the listed days, UTC'],
  ] as const)('puts %j into words', (schedule, words) => {
    expect(describeSchedule(schedule, 'UTC')).toBe(words);
  });
});
