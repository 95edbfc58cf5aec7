import { Solar } from 'lunar-typescript';
import { LunarYear } from 'tyme4ts';
import { describe, expect, it } from 'vitest';
import { lunarDateOf } from '../../../src/domain/time/lunar.js';
import { END_LUNAR_YEAR, FIRST_LUNAR_YEAR, leapMonthOf, lunarMonths } from '../../../src/domain/time/lunar-years.js';
import { compileSchedule, type Schedule } from '../../../src/domain/time/schedule.js';
import { refusalOf } from './refusal.js';

const DAY_MS = 86_400_000;

function fires(
  fields: Omit<Extract<Schedule, { type: 'lunar' }>, 'type' | 'hour' | 'minute'>,
  from: string,
  count: number,
): string[] {
  const compiled = compileSchedule({ type: 'lunar', hour: 8, minute: 30, ...fields }, { timeZone: 'Asia/Shanghai' });
  return compiled.preview(Date.parse(from), count).map((at) => {
    const local = new Date(at + 8 * 3_600_000).toISOString();
    expect(local.slice(11, 16)).toBe('08:30');
    return local.slice(0, 10);
  });
}

describe('lunar', () => {
  it('finds the festivals', () => {
    expect(fires({ month: 1, day: 1 }, '2024-01-01T00:00:00Z', 4)).toEqual([
      '2024-02-10',
      '2025-01-29',
      '2026-02-17',
      '2027-02-06',
    ]);
    expect(fires({ month: 8, day: 15 }, '2024-01-01T00:00:00Z', 3)).toEqual(['2024-09-17', '2025-10-06', '2026-09-25']);
    expect(fires({ month: 12, day: 8 }, '2024-01-01T00:00:00Z', 3)).toEqual(['2024-01-18', '2025-01-07', '2026-01-26']);
  });

  it('chooses between a month and its leap month: 2025 has two sixth months', () => {
    const from = '2025-01-01T00:00:00Z';
    expect(fires({ month: 6, day: 10 }, from, 2)).toEqual(['2025-07-04', '2026-07-23']);
    expect(fires({ month: 6, day: 10, leapMonth: true }, from, 2)).toEqual(['2025-08-03', '2026-07-23']);
    expect(fires({ month: 6, day: 10, leapMonth: 'both' }, from, 3)).toEqual([
      '2025-07-04',
      '2025-08-03',
      '2026-07-23',
    ]);
    expect(fires({ month: 6, day: 10, leapMonth: 'only' }, from, 2)[0]).toBe('2025-08-03');
    expect(Number(fires({ month: 6, day: 10, leapMonth: 'only' }, from, 2)[1]?.slice(0, 4))).toBe(2036);
  });

  it('puts the 30th of a month of 29 days where asked to', () => {
    // The twelfth month ending in January 2025 has 29 days, the one before 30.
    const from = '2024-01-01T00:00:00Z';
    expect(fires({ month: 12, day: 30 }, from, 3)).toEqual(['2024-02-09', '2025-01-28', '2026-02-16']);
    expect(fires({ month: 12, day: 30, missingDay: 'next' }, from, 3)).toEqual([
      '2024-02-09',
      '2025-01-29',
      '2026-02-17',
    ]);
    expect(fires({ month: 12, day: 30, missingDay: 'skip' }, from, 1)).toEqual(['2024-02-09']);
  });

  it('refuses a leap month that never comes', () => {
    const refusal = refusalOf(() =>
      fires({ month: 1, day: 30, leapMonth: 'only', missingDay: 'skip' }, '2024-01-01T00:00:00Z', 1),
    );
    expect(refusal.field).toBe('leapMonth');
  });

  it('gives every day from 1901 to 2099 the lunar date that lunar-typescript gives it', () => {
    const wrong: string[] = [];
    for (let day = Date.UTC(1901, 0, 1) / DAY_MS; day < Date.UTC(2100, 0, 1) / DAY_MS; day++) {
      const date = new Date(day * DAY_MS);
      const expected = Solar.fromYmd(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()).getLunar();
      const found = lunarDateOf(day);
      if (
        found?.year !== expected.getYear() ||
        (found.isLeap ? -found.month : found.month) !== expected.getMonth() ||
        found.day !== expected.getDay()
      ) {
        wrong.push(`${date.toISOString().slice(0, 10)}: ${JSON.stringify(found)}, not ${expected.toString()}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('the table of lunar years', () => {
  it('has the months that tyme4ts works out, in every year from 1900 to 2199', () => {
    for (let year = FIRST_LUNAR_YEAR; year < END_LUNAR_YEAR; year++) {
      const expected = LunarYear.fromYear(year)
        .getMonths()
        .map((month) => {
          const first = month.getFirstJulianDay().getSolarDay();
          return {
            number: month.getMonth(),
            isLeap: month.isLeap(),
            firstDay: Date.UTC(first.getYear(), first.getMonth() - 1, first.getDay()) / DAY_MS,
            length: month.getDayCount(),
          };
        });
      expect(lunarMonths(year)).toEqual(expected);
      expect(leapMonthOf(year)).toBe(expected.find(({ isLeap }) => isLeap)?.number ?? 0);
    }
  });
});
