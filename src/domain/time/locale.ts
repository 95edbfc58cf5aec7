/** Languages in which schedules and their unusual times are put into words. */
export const LOCALES = ['en', 'zh-CN'] as const;
export type Locale = (typeof LOCALES)[number];
