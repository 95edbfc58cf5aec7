import { describe, expect, it } from 'vitest';
import { describeSchedule } from '../../../src/domain/time/describe.js';
import { scheduleSchema } from '../../../src/domain/time/schedule.js';

describe('describeSchedule in Chinese', () => {
  it.each([
    [{ type: 'cron', expression: '*/15 9-17 * * MON-FRI' }, '每隔 15 分钟，在 09:00 和 17:59 之间，星期一至星期五'],
    [{ type: 'cron', expression: '30 2 * * *' }, '每天 02:30'],
    [{ type: 'cron', expression: '0 9,18 * * *' }, '每天 09:00 和 18:00'],
    [{ type: 'cron', expression: '0 12 * * 1' }, '在 12:00，仅星期一'],
    [{ type: 'cron', expression: '0 0 12 ? * 2#1', dialect: 'quartz' }, '在 12:00，限每月的第一个星期一'],
    [
      { type: 'cron', expression: '0 0 0 1 1 ? 2030', dialect: 'quartz' },
      '在 00:00，限每月 1 号，仅于一月份，仅于 2030 年',
    ],
    [{ type: 'cron', expression: '5 0 1,15 * *' }, '在 00:05，限每月 1 号和 15 号'],
    [{ type: 'cron', expression: '0 0 L * *' }, '在 00:00，限每月的最后一天'],
    [{ type: 'cron', expression: '0 9 * 1-3 *' }, '在 09:00，一月至三月'],
    [{ type: 'cron', expression: '30 8 1 * MON' }, '在 08:30，限每月 1 号，或者为星期一'],
    [{ type: 'cron', expression: '0 */2 * * *' }, '整点，每隔 2 小时'],
    [{ type: 'cron', expression: '*/10 * * * * *' }, '每隔 10 秒'],
    [{ type: 'cron', expression: 'H H * * *' }, 'Cron 表达式 H H * * *'],
    [{ type: 'every', everyMs: 90_000 }, '每 90 秒'],
    [{ type: 'every', everyMs: 3_600_000 }, '每小时'],
    [{ type: 'every', everyMs: 86_400_000 }, '每天'],
    [{ type: 'every', everyMs: 250 }, '每 250 毫秒'],
    [{ type: 'after', delayMs: 5000 }, '上一次执行完成 5 秒后'],
    [{ type: 'at', at: '2026-11-21T09:00:00Z' }, '仅执行一次：2026-11-21T09:00:00Z'],
    [
      { type: 'calendarInterval', every: 2, unit: 'month', anchor: '2026-01-31T09:00:00' },
      '从 2026-01-31T09:00:00 起，每 2 个月',
    ],
    [
      { type: 'calendarInterval', every: 1, unit: 'month', anchor: '2026-01-31T09:00:00' },
      '从 2026-01-31T09:00:00 起，每月',
    ],
    [{ type: 'dailyWindow', from: '09:00', to: '17:00', everyMs: 1_800_000 }, '每天 09:00 至 17:00，每 30 分钟'],
    [
      { type: 'dailyWindow', from: '09:00', to: '17:00', everyMs: 3_600_000, days: ['MON', 'FRI'] },
      '每星期一、星期五 09:00 至 17:00，每小时',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO', dtstart: '2026-01-05T10:00:00', offsetMs: -900_000 },
      '提前 15 分钟：每 2 周的星期一 10:00',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH', dtstart: '2020-11-26T09:00:00' },
      '每年 11 月的第 4 个星期四 09:00',
    ],
    [{ type: 'rrule', rrule: 'FREQ=MONTHLY;BYDAY=-1FR', dtstart: '2026-01-30T16:00:00' }, '每月的最后一个星期五 16:00'],
    [
      { type: 'rrule', rrule: 'FREQ=MONTHLY;BYMONTHDAY=15,-1;COUNT=10', dtstart: '2026-01-30T16:00:30' },
      '每月 15 日、最后一天 16:00:30，共 10 次',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=DAILY;BYHOUR=9,18;BYMINUTE=0;UNTIL=20261231', dtstart: '2026-01-30T16:00:00' },
      '每天 09:00、18:00，至 2026-12-31 止',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', dtstart: '2026-01-30T16:00:00' },
      '每月的星期一、星期二、星期三、星期四、星期五 16:00，取其中最后一个',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=MINUTELY;INTERVAL=10;BYHOUR=9,10', dtstart: '2026-01-30T16:00:00' },
      '每 10 分钟，限 9、10 点',
    ],
    [{ type: 'rrule', rrule: 'FREQ=YEARLY', dtstart: '2026-01-30T16:00:00' }, '每年 1 月 30 日 16:00'],
    [
      { type: 'rrule', rrule: 'FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', dtstart: '2026-01-30T16:00:00' },
      '每年的第 20 周的星期一 16:00',
    ],
    [{ type: 'rrule', rrule: 'FREQ=WEEKLY', dtstart: '2026-01-30T16:00:00' }, '每周的星期五 16:00'],
    [{ type: 'rrule', rrule: 'FREQ=MONTHLY;INTERVAL=3', dtstart: '2026-01-30T16:00:00' }, '每 3 个月的 30 日 16:00'],
    [
      { type: 'rrule', rrule: 'FREQ=DAILY;BYDAY=MO,FR;BYMONTH=1,2', dtstart: '2026-01-30T16:00:00' },
      '每天 16:00，限 1 月、2 月，限星期一、星期五',
    ],
    [
      { type: 'rrule', rrule: 'FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1', dtstart: '2026-01-30T16:00:00' },
      '每年 5 月 1 日 16:00',
    ],
    [{ type: 'rrule', rrule: 'RDATE:20270329T000000', dtstart: '2026-04-06T00:00:00' }, '在列出的日期'],
    [{ type: 'lunar', month: 8, day: 15, hour: 9, minute: 0 }, '每年农历八月十五 09:00'],
    [{ type: 'lunar', month: 1, day: 1, hour: 0, minute: 30, offsetDays: -1 }, '提前 1 天：每年农历正月初一 00:30'],
    [
      { type: 'lunar', month: 12, day: 30, missingDay: 'skip', hour: 20, minute: 0 },
      '每年农历十二月三十 20:00，小月则不执行',
    ],
    [{ type: 'lunar', month: 6, day: 23, leapMonth: 'only', hour: 9, minute: 0 }, '每逢农历闰六月廿三 09:00'],
    [
      { type: 'lunar', month: 6, day: 23, leapMonth: 'both', hour: 9, minute: 0 },
      '每年农历六月廿三 09:00，闰月同样执行',
    ],
  ] as const)('puts %j into words', (schedule, words) => {
    const isZoned = schedule.type !== 'every' && schedule.type !== 'after' && schedule.type !== 'at';
    const zone = isZoned ? '（Asia/Shanghai 时间）' : '';
    expect(describeSchedule(scheduleSchema.parse(schedule), 'Asia/Shanghai', 'zh-CN')).toBe(words + zone);
  });

  it('calls UTC by its name', () => {
    expect(describeSchedule({ type: 'cron', expression: '@daily' }, 'UTC', 'zh-CN')).toBe('每天 00:00（UTC）');
  });
});
