import { describeInChinese } from './describe-chinese.js';
import { describeInEnglish } from './describe-english.js';
import type { Locale } from './locale.js';
import type { Schedule } from './schedule-schema.js';

/**
 * A schedule in words, for people: `Every 15 minutes, between 09:00 and 17:59, Monday through Friday, UTC`.
 * The schedule must compile.
 */
export function describeSchedule(schedule: Schedule, timeZone: string, locale: Locale = 'en'): string {
  return locale === 'zh-CN' ? describeInChinese(schedule, timeZone) : describeInEnglish(schedule, timeZone);
}
