import { describe, expect, it } from 'vitest';
import { readCron } from '../../../src/domain/time/cron.js';
import { cronText } from '../../../src/domain/time/cron-text.js';
import { readUnixCron } from '../../../src/domain/time/cron-unix.js';
import { compileSchedule } from '../../../src/domain/time/schedule.js';
import { refusalOf } from './refusal.js';

const canonical = (expression: string, seed = ''): string => cronText(readUnixCron(expression, seed), 'unix');

function fires(expression: string, count: number, after = '2026-01-01T00:00:00Z'): string[] {
  const compiled = compileSchedule({ type: 'cron', expression }, { timeZone: 'UTC' });
  return compiled.preview(Date.parse(after) - 1, count).map((at) => new Date(at).toISOString().slice(0, 19));
}

describe('unix cron', () => {
  it.each([
    ['* * * * *', '* * * * *'],
    ['  0   2 * * *  ', '0 2 * * *'],
    ['*/15 * * * *', '0-45/15 * * * *'],
    ['0,15,30,45 * * * *', '0,15,30,45 * * * *'],
    ['5-10 * * * *', '5-10 * * * *'],
    ['10-40/10,7 * * * *', '7-10/3,20-40/10 * * * *'],
    ['3/20 * * * *', '3-43/20 * * * *'],
    ['0 9-17 * * MON-FRI', '0 9-17 * * MON,TUE,WED,THU,FRI'],
    ['0 0 * * 0', '0 0 * * SUN'],
    ['0 0 * * 7', '0 0 * * SUN'],
    ['0 0 * * 5-7', '0 0 * * SUN,FRI,SAT'],
    ['0 0 * * sat-sun', '0 0 * * SUN,SAT'],
    ['0 0 * * SUN-SUN', '0 0 * * SUN'],
    ['0 0 * * 7/2', '0 0 * * SUN'],
    ['0 0 1 jan,Jul *', '0 0 1 1,7 *'],
    ['0 0 1 */3 *', '0 0 1 1,4,7,10 *'],
    ['0 0 L * *', '0 0 L * *'],
    ['0 0 L-3,15 * *', '0 0 15,L-3 * *'],
    ['0 0 LW * *', '0 0 LW * *'],
    ['0 0 1W,15W * *', '0 0 1W,15W * *'],
    ['0 0 * * FRIL', '0 0 * * FRIL'],
    ['0 0 * * 5L', '0 0 * * FRIL'],
    ['0 0 * * MON#1,3#2', '0 0 * * MON#1,WED#2'],
    ['0 0 13 * FRI', '0 0 13 * FRI'],
    ['0 */5 * * * *', '0-55/5 * * * *'],
    ['30 0 0 * * *', '30 0 0 * * *'],
    ['* * * * * *', '* * * * * *'],
    ['@hourly', '0 * * * *'],
    ['@daily', '0 0 * * *'],
    ['@Midnight', '0 0 * * *'],
    ['@weekly', '0 0 * * SUN'],
    ['@monthly', '0 0 1 * *'],
    ['@yearly', '0 0 1 1 *'],
    ['@annually', '0 0 1 1 *'],
  ])('reads %j', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(readUnixCron(expected, '')).toEqual(readUnixCron(text, ''));
  });

  it.each([
    ['60 * * * *', '60', 'minute', '0-59'],
    ['* 24 * * *', '24', 'hour', '0-23'],
    ['* * 0 * *', '0', 'day-of-month', '1-31'],
    ['* * 32 * *', '32', 'day-of-month', '1-31'],
    ['* * * 13 *', '13', 'month', '1-12 or JAN FEB'],
    ['* * * * 8', '8', 'day-of-week', '0-7 or SUN MON'],
    ['60 * * * * *', '60', 'second', '0-59'],
    ['30-10 * * * *', '30-10', 'minute', '0-59'],
    ['0 22-2 * * *', '22-2', 'hour', '0-23'],
    ['*/0 * * * *', '*/0', 'minute', '1-59'],
    ['*/60 * * * *', '*/60', 'minute', '1-59'],
    ['* */24 * * *', '*/24', 'hour', '1-23'],
    ['*/x * * * *', '*/x', 'minute', '1-59'],
    ['*/5/5 * * * *', '*/5/5', 'minute', '0-59'],
    ['1,,2 * * * *', '1,,2', 'minute', '0-59'],
    ['1-2-3 * * * *', '1-2-3', 'minute', '0-59'],
    ['-5 * * * *', '-5', 'minute', '0-59'],
    ['1.5 * * * *', '1.5', 'minute', '0-59'],
    ['?x * * * *', '?x', 'minute', '0-59'],
    ['* * * FOO *', 'FOO', 'month', '1-12'],
    ['* * * * MONDAY', 'MONDAY', 'day-of-week', '0-7'],
    ['* * * * MON#6', 'MON#6', 'day-of-week', '#1 to #5'],
    ['* * * * MON#0', 'MON#0', 'day-of-week', '#1 to #5'],
    ['* * 32W * *', '32W', 'day-of-month', '1-31'],
    ['* * L-31 * *', 'L-31', 'day-of-month', 'L-1 to L-30'],
    ['H(5-2) * * * *', 'H(5-2)', 'minute', '0-59'],
    ['H(0-70) * * * *', 'H(0-70)', 'minute', '0-59'],
    ['HH * * * *', 'HH', 'minute', 'H, H(a-b)'],
    ['12345 * * * *', '12345', 'minute', '0-59'],
  ])('refuses %j and names the fragment %j, its field and what it takes', (text, fragment, field, allowed) => {
    const refusal = refusalOf(() => readUnixCron(text, ''));
    expect(refusal.code).toBe('CJ_SCHEDULE_INVALID');
    expect(refusal.message).toContain(`'${fragment}' in the ${field} field`);
    expect(refusal.allowed).toContain(allowed);
  });

  it.each(['', ' ', '*', '0', '* *', '* * *', '0 0 * *', '* * * * * * *', '* * * * * * * *'])(
    'refuses %j, which other readers pad or cut',
    (text) => {
      const refusal = refusalOf(() => readUnixCron(text, ''));
      expect(refusal.message).toContain(`has ${text.split(/\s+/).filter(Boolean).length} fields`);
      expect(refusal.allowed).toContain('5 fields');
    },
  );

  it('refuses words it does not know', () => {
    expect(refusalOf(() => readUnixCron('@fortnightly', '')).allowed).toContain('@daily');
    expect(refusalOf(() => readUnixCron('@reboot', '')).message).toContain('@reboot');
  });

  it('refuses numbers of weekdays in six or seven fields without a dialect, with both readings', () => {
    const six = refusalOf(() => readCron('0 0 2 * * 2-6', undefined, ''));
    expect(six.message).toContain('TUE,WED,THU,FRI,SAT in unix cron');
    expect(six.message).toContain('MON,TUE,WED,THU,FRI in Quartz');
    expect(six.allowed).toContain('a dialect (unix or quartz)');
    expect(refusalOf(() => readCron('0 0 2 ? * 2#1 2030', undefined, '')).message).toContain('MON#1 in Quartz');
    expect(refusalOf(() => readCron('0 0 2 ? * 6L', undefined, '')).message).toContain('the last SAT in unix cron');
    expect(refusalOf(() => readCron('0 0 2 * * 0', undefined, '')).message).toContain('SUN in unix cron and not valid');
  });

  it('finds the dialect where no weekday is a number', () => {
    expect(readCron('0 0 2 * * MON-FRI', undefined, '').dialect).toBe('unix');
    expect(readCron('0 0 2 * * */2', undefined, '').dialect).toBe('unix');
    expect(readCron('0 0 2 ? * MON-FRI', undefined, '').dialect).toBe('quartz');
    expect(readCron('0 0 2 1 * ? 2030', undefined, '').dialect).toBe('quartz');
    expect(readCron('0 2 * * 1-5', undefined, '').dialect).toBe('unix');
    expect(readCron('0 0 2 * * 1-5', 'unix', '').fields.weekdays.bits).toBe(0b0111110);
    expect(readCron('0 0 2 ? * 1-5', 'quartz', '').fields.weekdays.bits).toBe(0b0011111);
  });

  it('matches a day of the month or a day of the week where both are given', () => {
    expect(fires('0 0 13 * FRI', 5, '2026-02-01T00:00:00Z')).toEqual([
      '2026-02-06T00:00:00',
      '2026-02-13T00:00:00',
      '2026-02-20T00:00:00',
      '2026-02-27T00:00:00',
      '2026-03-06T00:00:00',
    ]);
    expect(fires('0 0 1,2 * *', 3)).toEqual(['2026-01-01T00:00:00', '2026-01-02T00:00:00', '2026-02-01T00:00:00']);
  });

  it('finds the special days', () => {
    expect(fires('0 0 L * *', 3)).toEqual(['2026-01-31T00:00:00', '2026-02-28T00:00:00', '2026-03-31T00:00:00']);
    expect(fires('0 0 L-3 2 *', 3)).toEqual(['2026-02-25T00:00:00', '2027-02-25T00:00:00', '2028-02-26T00:00:00']);
    // 15 February and 15 March 2026 are Sundays, 15 August is a Saturday.
    expect(fires('0 0 15W 2,8 *', 2)).toEqual(['2026-02-16T00:00:00', '2026-08-14T00:00:00']);
    // 1 August 2026 is a Saturday: the nearest weekday within its month is Monday the 3rd; 31 May is a Sunday.
    expect(fires('0 0 1W 8 *', 1)).toEqual(['2026-08-03T00:00:00']);
    expect(fires('0 0 31W 5 *', 1)).toEqual(['2026-05-29T00:00:00']);
    expect(fires('0 0 LW 1,2 *', 2)).toEqual(['2026-01-30T00:00:00', '2026-02-27T00:00:00']);
    expect(fires('0 0 * * MON#5', 2)).toEqual(['2026-03-30T00:00:00', '2026-06-29T00:00:00']);
    expect(fires('0 0 * * 5L', 2)).toEqual(['2026-01-30T00:00:00', '2026-02-27T00:00:00']);
  });

  it('finds the last weekday of every month', () => {
    const last = Array.from({ length: 120 }, (_, i) => {
      const monthEnd = new Date(Date.UTC(2026, i + 1, 0));
      return new Date(monthEnd.getTime() - ((monthEnd.getUTCDay() + 2) % 7) * 86_400_000).toISOString().slice(0, 19);
    });
    expect(fires('0 0 * * FRIL', 120)).toEqual(last);
  });

  it('looks back over single seconds and full minutes', () => {
    const noon = Date.parse('2026-01-01T12:00:00Z');
    const before = (expression: string, at: number): number =>
      (noon - (compileSchedule({ type: 'cron', expression }, { timeZone: 'UTC' }).previous(at) ?? NaN)) / 1000;
    expect(before('* * * * * *', noon)).toBe(1);
    expect(before('59 * * * * *', noon)).toBe(1);
    expect(before('0,59 30 * * * *', noon)).toBe(29 * 60 + 1);
    expect(before('10,50 20,40 * * * *', noon)).toBe(19 * 60 + 10);
    expect(before('10,50 20,40 * * * *', noon - 19.5 * 60_000)).toBe(19 * 60 + 50);
    expect(before('10,50 20,40 * * * *', noon - 19 * 60_000 - 50_000)).toBe(39 * 60 + 10);
  });

  it('spreads H evenly by the seed, always the same for one seed', () => {
    expect(canonical('H H * * *', 'default/a/t')).toBe(canonical('H H * * *', 'default/a/t'));
    const minutes = Array.from({ length: 6000 }, (_, i) => Number(canonical('H * * * *', `job-${i}`).split(' ')[0]));
    expect(new Set(minutes).size).toBe(60);
    const counts = Array.from({ length: 60 }, (_, m) => minutes.filter((value) => value === m).length);
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(160);
    for (let i = 0; i < 200; i++) {
      const [minute, , day] = canonical('H(10-19) 0 H * *', `job-${i}`).split(' ').map(Number);
      expect(minute).toBeGreaterThanOrEqual(10);
      expect(minute).toBeLessThanOrEqual(19);
      expect(day).toBeLessThanOrEqual(28);
      expect(canonical('H/20 * * * *', `job-${i}`)).toMatch(/^(\d|1\d)-\d\d\/20 /);
    }
  });

  it.each(['0 0 30 2 *', '0 0 31 2,4,6,9,11 *', '0 0 30W 2 *'])('refuses %j, which never fires', (expression) => {
    const refusal = refusalOf(() => compileSchedule({ type: 'cron', expression }, { timeZone: 'UTC' }));
    expect(refusal).toMatchObject({ code: 'CJ_SCHEDULE_INVALID', field: 'expression' });
    expect(refusal.message).toContain('never matches');
  });
});
