import cronstrue from 'cronstrue/dist/cronstrue-i18n.js';
import { DAY_MS } from './civil.js';
import { readCron } from './cron.js';
import { WEEKDAY_NAMES } from './cron-entries.js';
import { describeRuleInChinese } from './describe-rule-chinese.js';
import type { DurationMs } from './instant.js';
import type { Schedule } from './schedule-schema.js';
import { inLargestUnit, ruleOfText, timeOfDay } from './schedule-words.js';

type OfType<T extends Schedule['type']> = Extract<Schedule, { type: T }>;

/** `每隔 15 分钟，在 09:00 和 17:59 之间，星期一至星期五（Asia/Shanghai 时间）` */
export function describeInChinese(schedule: Schedule, timeZone: string): string {
  const zone = timeZone === 'UTC' ? '（UTC）' : `（${timeZone} 时间）`;
  switch (schedule.type) {
    case 'cron':
      return `${describeCron(schedule)}${zone}`;
    case 'every':
      return every(duration(schedule.everyMs));
    case 'after':
      return `上一次执行完成 ${duration(schedule.delayMs)}后`;
    case 'at':
      return `仅执行一次：${schedule.at}`;
    case 'calendarInterval':
      return `从 ${schedule.anchor} 起，${every(counted(schedule.every, schedule.unit))}${zone}`;
    case 'dailyWindow':
      return `${days(schedule)} ${schedule.from} 至 ${schedule.to}，${every(duration(schedule.everyMs))}${zone}`;
    case 'rrule': {
      const rule = ruleOfText(schedule.rrule);
      const words = rule === undefined ? '在列出的日期' : describeRuleInChinese(rule, schedule.dtstart);
      return `${distance(schedule)}${words}${zone}`;
    }
    case 'lunar':
      return `${distance(schedule)}${describeLunar(schedule)}${zone}`;
  }
}

/** The library's words with Chinese punctuation, and with "every day" where it says only the time. */
function describeCron({ expression, dialect }: OfType<'cron'>): string {
  const isQuartz = readCron(expression, dialect, '').dialect === 'quartz';
  try {
    const words = cronstrue.toString(expression, {
      locale: 'zh_CN',
      use24HourTimeFormat: true,
      dayOfWeekStartIndexZero: !isQuartz,
    });
    return words
      .replaceAll(/,\s*/g, '，')
      .replaceAll(/([\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])/g, '$1')
      .replaceAll(/([\u4e00-\u9fff])(?=\d)/g, '$1 ')
      .replaceAll(/ {2,}/g, ' ')
      .replace(/^在 (\d\d:\d\d(?::\d\d)?(?:(?:、| 和 |，)\d\d:\d\d(?::\d\d)?)*)$/, '每天 $1');
  } catch {
    // What has no words in the library (`H`, `L-3`) is still readable as it stands.
    return `Cron 表达式 ${expression}`;
  }
}

const WEEKDAYS = ['星期日', '星期一', '星期二', '星期三', '星期四', '星期五', '星期六'];

function days({ days: chosen }: OfType<'dailyWindow'>): string {
  if (chosen === undefined || chosen.length === 7) return '每天';
  return `每${chosen.map((day) => WEEKDAYS[WEEKDAY_NAMES.indexOf(day)] ?? day).join('、')}`;
}

const MONTHS = ['正', '二', '三', '四', '五', '六', '七', '八', '九', '十', '十一', '十二'];
const DIGITS = ['十', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/** `每年农历八月十五 09:00` */
function describeLunar({ month, day, leapMonth, missingDay, ...time }: OfType<'lunar'>): string {
  const date = `${MONTHS[month - 1] ?? month}月${lunarDay(day)} ${timeOfDay(time)}`;
  const missing = day === 30 && missingDay !== undefined ? MISSING_DAY[missingDay] : '';
  if (leapMonth === 'only') return `每逢农历闰${date}${missing}`;
  const leap =
    leapMonth === true || leapMonth === 'leap'
      ? `，有闰${MONTHS[month - 1] ?? month}月的年份取闰月`
      : leapMonth === 'both'
        ? '，闰月同样执行'
        : '';
  return `每年农历${date}${missing}${leap}`;
}

const MISSING_DAY = { last: '，小月则为二十九', next: '，小月则顺延一天', skip: '，小月则不执行' } as const;

/** `初一`, `十五`, `廿三`, `三十` */
function lunarDay(day: number): string {
  const digit = DIGITS[day % 10] ?? '';
  if (day <= 10) return `初${digit}`;
  if (day < 20) return `十${digit}`;
  if (day === 20) return '二十';
  return day === 30 ? '三十' : `廿${digit}`;
}

/** `提前 15 分钟：` */
function distance({
  offsetDays = 0,
  offsetMs = 0,
}: {
  offsetDays?: number | undefined;
  offsetMs?: number | undefined;
}): string {
  const ms = offsetDays * DAY_MS + offsetMs;
  if (ms === 0) return '';
  return `${ms < 0 ? '提前' : '延后'} ${duration(Math.abs(ms))}：`;
}

const UNITS = {
  millisecond: '毫秒',
  second: '秒',
  minute: '分钟',
  hour: '小时',
  day: '天',
  week: '周',
  month: '个月',
  year: '年',
} as const;

function duration(ms: DurationMs): string {
  const { count, unit } = inLargestUnit(ms);
  return counted(count, unit);
}

function counted(count: number, unit: keyof typeof UNITS): string {
  return `${count} ${UNITS[unit]}`;
}

/** `每 2 个月`, but `每月` and `每小时` without the one. */
function every(length: string): string {
  return length.startsWith('1 ') ? `每${length.slice(2).replace('个', '')}` : `每 ${length}`;
}
