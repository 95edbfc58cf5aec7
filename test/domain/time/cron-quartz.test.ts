import { describe, expect, it } from 'vitest';
import { cronText } from '../../../src/domain/time/cron-text.js';
import { readQuartzCron } from '../../../src/domain/time/cron-quartz.js';
import { compileSchedule } from '../../../src/domain/time/schedule.js';
import { refusalOf } from './refusal.js';

const canonical = (expression: string): string => cronText(readQuartzCron(expression), 'quartz');

function fires(expression: string, count: number, after = '2026-01-01T00:00:00Z'): string[] {
  const compiled = compileSchedule({ type: 'cron', expression, dialect: 'quartz' }, { timeZone: 'UTC' });
  return compiled.preview(Date.parse(after) - 1, count).map((at) => new Date(at).toISOString().slice(0, 19));
}

describe('Quartz cron', () => {
  it.each([
    ['0 0 12 * * ?', '0 0 12 * * ?'],
    ['0 15 10 ? * *', '0 15 10 * * ?'],
    ['0 15 10 * * ? 2030', '0 15 10 * * ? 2030'],
    ['0 0/5 14 * * ?', '0 0-55/5 14 * * ?'],
    ['0 /5 14 * * ?', '0 0-55/5 14 * * ?'],
    ['0 0-5 14 * * ?', '0 0-5 14 * * ?'],
    ['0 0 22-2 * * ?', '0 0 0-2,22-23 * * ?'],
    ['0 0 0 28-3 * ?', '0 0 0 1-3,28-31 * ?'],
    ['0 0 0 1 NOV-feb ?', '0 0 0 1 1-2,11-12 ?'],
    ['0 0 0 ? * FRI-MON', '0 0 0 ? * SUN,MON,FRI,SAT'],
    ['0 0 0 ? * 1', '0 0 0 ? * SUN'],
    ['0 0 0 ? * 7', '0 0 0 ? * SAT'],
    ['0 0 0 ? * 2-6', '0 0 0 ? * MON,TUE,WED,THU,FRI'],
    ['0 0 0 ? * 2#1', '0 0 0 ? * MON#1'],
    ['0 0 0 ? * 6#3', '0 0 0 ? * FRI#3'],
    ['0 0 0 ? * 6L', '0 0 0 ? * FRIL'],
    ['0 0 0 ? * L', '0 0 0 ? * SAT'],
    ['0 0 0 L * ?', '0 0 0 L * ?'],
    ['0 0 0 L-3 * ?', '0 0 0 L-3 * ?'],
    ['0 0 0 LW * ?', '0 0 0 LW * ?'],
    ['0 0 0 L-3W * ?', '0 0 0 L-3W * ?'],
    ['0 0 0 15W * ?', '0 0 0 15W * ?'],
    ['0 0 0 1 1 ? 2030-2032,2040', '0 0 0 1 1 ? 2030-2032,2040'],
    ['0 0 0 1 1 ? 2196/2', '0 0 0 1 1 ? 2196,2198'],
    ['0 0 0 1 1 ? *', '0 0 0 1 1 ?'],
  ])('reads %j', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(readQuartzCron(expected)).toEqual(readQuartzCron(text));
  });

  it.each([
    ['60 0 0 * * ?', "'60' in the second field", '0-59'],
    ['0 60 0 * * ?', "'60' in the minute field", '0-59'],
    ['0 0 24 * * ?', "'24' in the hour field", '0-23'],
    ['0 0 0 32 * ?', "'32' in the day-of-month field", '1-31'],
    ['0 0 0 1 0 ?', "'0' in the month field", '1-12'],
    ['0 0 0 ? * 0', "'0' in the day-of-week field", '1-7'],
    ['0 0 0 ? * 8', "'8' in the day-of-week field", '1-7'],
    ['0 0/60 0 * * ?', "'0/60' in the minute field", '1-59'],
    ['0 0 0/24 * * ?', "'0/24' in the hour field", '1-23'],
    ['0 0/0 0 * * ?', "'0/0' in the minute field", '1-59'],
    ['0 0 0 1 1 ? 1969', "'1969' in the year field", '1970-2199'],
    ['0 0 0 1 1 ? 2200', "'2200' in the year field", '1970-2199'],
    ['0 0 0 1 1 ? 2040-2030', "'2040-2030' in the year field", '1970-2199'],
    ['0 0 0 L-31 * ?', "'L-31' in the day-of-month field", 'L-1 to L-30'],
    ['0 0 0 L,15 * ?', "'L,15' in the day-of-month field", 'L alone'],
    ['0 0 0 ? * 2#1,6#3', "'2#1,6#3' in the day-of-week field", 'one such day alone'],
    ['0 0 0 ? * 2#6', "'2#6' in the day-of-week field", '#1 to #5'],
    ['0 0 0 ? * MON/2', "'MON/2' in the day-of-week field", 'numbers'],
    ['0 0 0 1 JAN/2 ?', "'JAN/2' in the month field", 'numbers'],
    ['H 0 0 * * ?', "'H' in the second field", '0-59'],
    ['0 ? 0 * * ?', "'?' in the minute field", '0-59'],
  ])('refuses %j and says %j', (text, message, allowed) => {
    const refusal = refusalOf(() => readQuartzCron(text));
    expect(refusal).toMatchObject({ code: 'CJ_SCHEDULE_INVALID', field: 'expression' });
    expect(refusal.message).toContain(message);
    expect(refusal.allowed).toContain(allowed);
  });

  it('wants exactly one question mark', () => {
    expect(refusalOf(() => readQuartzCron('0 0 0 * * MON')).allowed).toContain("'?' in exactly one");
    expect(refusalOf(() => readQuartzCron('0 0 0 * * *')).allowed).toContain("'?' in exactly one");
    expect(refusalOf(() => readQuartzCron('0 0 0 ? * ?')).message).toContain('both');
  });

  it.each(['', '0 0 12 * ?', '0 0 12 * * ? 2030 1'])('refuses the number of fields of %j', (text) => {
    expect(refusalOf(() => readQuartzCron(text)).allowed).toContain('6 fields');
  });

  it('counts weekdays from Sunday = 1', () => {
    expect(fires('0 0 9 ? * 2#1', 3)).toEqual(['2026-01-05T09:00:00', '2026-02-02T09:00:00', '2026-03-02T09:00:00']);
    expect(fires('0 0 9 ? * 6L', 2)).toEqual(['2026-01-30T09:00:00', '2026-02-27T09:00:00']);
  });

  it('runs past midnight with a range that wraps', () => {
    expect(fires('0 0 22-2/2 * * ?', 5)).toEqual([
      '2026-01-01T00:00:00',
      '2026-01-01T02:00:00',
      '2026-01-01T22:00:00',
      '2026-01-02T00:00:00',
      '2026-01-02T02:00:00',
    ]);
  });

  it('ends with its last year', () => {
    expect(fires('0 0 0 29 2 ? 2096-2104', 5)).toEqual(['2096-02-29T00:00:00', '2104-02-29T00:00:00']);
    expect(fires('0 0 0 1 1 ? 2199', 5)).toEqual(['2199-01-01T00:00:00']);
    expect(fires('0 0 0 1 1 ? 1999', 5)).toEqual([]);
    expect(refusalOf(() => fires('0 0 0 29 2 ? 2100', 1)).message).toContain('never matches');
  });
});
