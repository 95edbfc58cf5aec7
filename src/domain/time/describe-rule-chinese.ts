/** The words of one RRULE in Chinese: `每 2 周的星期一、星期三 09:00，共 10 次`. The rule must be valid. */
export function describeRuleInChinese(rule: string, dtstart: string): string {
  const parts = new Map(
    rule
      .toUpperCase()
      .split(';')
      .map((part) => part.split('=') as [string, string]),
  );
  const list = (name: string): readonly string[] => parts.get(name)?.split(',') ?? [];
  const frequency = parts.get('FREQ') ?? '';
  const interval = Number(parts.get('INTERVAL') ?? 1);
  const months = list('BYMONTH').map((month) => `${Number(month)} 月`);
  const days = [
    list('BYWEEKNO').map((week) => numbered(week, '周')),
    list('BYYEARDAY').map((day) => numbered(day, '天')),
    list('BYMONTHDAY').map(monthDay),
    list('BYDAY').map(weekday),
  ].filter((words) => words.length > 0);
  const isLimit = !['WEEKLY', 'MONTHLY', 'YEARLY'].includes(frequency);
  const inPeriod = isLimit ? [] : days.length > 0 ? days : dayOfStart(frequency, dtstart, months);
  const within = frequency === 'YEARLY' && months.length > 0 ? [months, ...inPeriod] : inPeriod;
  const limits = [...(frequency === 'YEARLY' ? [] : [months]), ...(isLimit ? days : [])];
  const picked = list('BYSETPOS').map((position) => numbered(position, '个'));
  return [
    period(frequency, interval),
    interval > 1 && /^\d/.test(within[0]?.[0] ?? '') ? '的' : '',
    chained(within.map((words) => words.join('、'))),
    times(frequency, { list, dtstart }),
    ...limits.filter((words) => words.length > 0).map((words) => `，限${spaced(words.join('、'))}`),
    picked.length === 0 ? '' : `，取其中${spaced(picked.join('、'))}`,
    parts.has('COUNT') ? `，共 ${parts.get('COUNT') ?? ''} 次` : '',
    parts.has('UNTIL') ? `，至 ${until(parts.get('UNTIL') ?? '')} 止` : '',
  ].join('');
}

/** A rule that names no day takes that of the start. */
function dayOfStart(frequency: string, dtstart: string, months: readonly string[]): readonly (readonly string[])[] {
  const month = Number(dtstart.slice(5, 7));
  const day = `${Number(dtstart.slice(8, 10))} 日`;
  if (frequency === 'MONTHLY') return [[day]];
  if (frequency === 'YEARLY') return [[months.length > 0 ? day : `${month} 月 ${day}`]];
  const weekdayNumber = new Date(`${dtstart.slice(0, 10)}T00:00:00Z`).getUTCDay();
  return [[Object.values(WEEKDAYS)[weekdayNumber] ?? '']];
}

/** ` 11 月的第 4 个星期四`, ` 5 月 1 日`, `的最后一个星期五` */
function chained(words: readonly string[]): string {
  return words.map((part) => (/^\d/.test(part) ? ` ${part}` : `的${part}`)).join('');
}

function spaced(words: string): string {
  return /^\d/.test(words) ? ` ${words}` : words;
}

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  SECONDLY: ['秒', '秒'],
  MINUTELY: ['分钟', '分钟'],
  HOURLY: ['小时', '小时'],
  DAILY: ['天', '天'],
  WEEKLY: ['周', '周'],
  MONTHLY: ['月', '个月'],
  YEARLY: ['年', '年'],
};

function period(frequency: string, interval: number): string {
  const [one, many] = UNITS[frequency] ?? ['', ''];
  return interval === 1 ? `每${one}` : `每 ${interval} ${many}`;
}

const WEEKDAYS: Readonly<Record<string, string>> = {
  SU: '星期日',
  MO: '星期一',
  TU: '星期二',
  WE: '星期三',
  TH: '星期四',
  FR: '星期五',
  SA: '星期六',
};

/** `星期一`, `第 4 个星期四`, `最后一个星期五` */
function weekday(day: string): string {
  const n = day.slice(0, -2);
  const name = WEEKDAYS[day.slice(-2)] ?? day;
  return n === '' ? name : `${numbered(n, '个')}${name}`;
}

/** `15 日`, `最后一天`, `倒数第 3 天` */
function monthDay(day: string): string {
  return Number(day) > 0 ? `${Number(day)} 日` : numbered(day, '天');
}

/** `第 3 个`, `最后一个`, `倒数第 2 个` */
function numbered(text: string, unit: string): string {
  const n = Number(text);
  if (n === -1) return `最后一${unit}`;
  return n > 0 ? `第 ${n} ${unit}` : `倒数第 ${-n} ${unit}`;
}

interface RuleText {
  list(name: string): readonly string[];
  readonly dtstart: string;
}

/** The times of day that the rule names, else that of the start; frequencies below a day say only what limits. */
function times(frequency: string, { list, dtstart }: RuleText): string {
  const [hours, minutes, seconds] = [list('BYHOUR'), list('BYMINUTE'), list('BYSECOND')];
  if (['SECONDLY', 'MINUTELY', 'HOURLY'].includes(frequency)) {
    return [
      hours.length > 0 ? `，限 ${hours.join('、')} 点` : '',
      minutes.length > 0 ? `，第 ${minutes.join('、')} 分` : '',
      seconds.length > 0 ? `，第 ${seconds.join('、')} 秒` : '',
    ].join('');
  }
  const [hour = '00', minute = '00', second = '00'] = dtstart.slice(11, 19).split(':');
  const named = (hours.length > 0 ? hours : [hour]).flatMap((h) =>
    (minutes.length > 0 ? minutes : [minute]).flatMap((m) =>
      (seconds.length > 0 ? seconds : [second]).map((s) => clock(h, m, s)),
    ),
  );
  const shown = named.slice(0, MOST_TIMES).join('、');
  return ` ${shown}${named.length > MOST_TIMES ? ` 等 ${named.length} 个时刻` : ''}`;
}

const MOST_TIMES = 6;

function clock(hour: string, minute: string, second: string): string {
  const [h, m, s] = [hour, minute, second].map((part) => part.padStart(2, '0'));
  return s === '00' ? `${h ?? ''}:${m ?? ''}` : `${h ?? ''}:${m ?? ''}:${s ?? ''}`;
}

/** `2026-12-31` */
function until(text: string): string {
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`;
}
