import type { CronDialect } from './cron.js';
import { WEEKDAY_NAMES } from './cron-entries.js';
import type { BitSet, BitSet60 } from './bit-sets.js';
import type { CronFields, DayOfMonthField, TimeField, WeekdayField } from './cron-fields.js';

/**
 * Writes fields as the one canonical text of a dialect: reading it gives the same fields, and texts that mean
 * the same have the same canonical text. Values of `H` are written out.
 */
export function cronText(fields: CronFields, dialect: CronDialect): string {
  const { seconds, minutes, hours, days, weekdays, years } = fields;
  const time = [timeText(minutes, 60), timeText(hours, 24)];
  const months = fields.months === ALL_MONTHS ? '*' : rangesText(valuesOf(fields.months, 13));
  const dayTexts = [daysText(days), months, weekdaysText(weekdays)];
  if (dialect === 'unix') {
    const isPlain = !seconds.isStepped && seconds.bits.low === 1 && seconds.bits.high === 0;
    return [...(isPlain ? [] : [timeText(seconds, 60)]), ...time, ...dayTexts].join(' ');
  }
  if (weekdays.isAny) dayTexts[2] = '?';
  else dayTexts[0] = '?';
  return [timeText(seconds, 60), ...time, ...dayTexts, ...(years === null ? [] : [rangesText(years)])].join(' ');
}

const ALL_MONTHS = 0b1_1111_1111_1110;

function timeText({ bits, isStepped }: TimeField, size: number): string {
  const values = values60(bits, size);
  if (!isStepped) return rangesText(values);
  return values.length === size ? '*' : stepsText(values);
}

/** Values that were written with a step stay so: how a field is written decides how it meets clock changes. */
function stepsText(values: readonly number[]): string {
  const rest = new Set(values);
  const entries: string[] = [];
  for (const first of values) {
    if (!rest.delete(first)) continue;
    const second = values.find((v) => v >= first + 2 && rest.has(v));
    if (second === undefined) {
      entries.push(String(first));
      continue;
    }
    const step = second - first;
    let last = first;
    while (rest.delete(last + step)) last += step;
    entries.push(`${first}-${last}/${step}`);
  }
  return entries.join(',');
}

function rangesText(values: readonly number[]): string {
  const entries: string[] = [];
  for (let i = 0; i < values.length;) {
    const first = values[i] as number;
    let n = 1;
    while (values[i + n] === first + n) n++;
    entries.push(n > 1 ? `${first}-${first + n - 1}` : String(first));
    i += n;
  }
  return entries.join(',');
}

function daysText(field: DayOfMonthField): string {
  if (field.isAny) return '*';
  const plain = valuesOf(field.bits, 31).map((v) => v + 1);
  return [
    ...(plain.length > 0 ? [rangesText(plain)] : []),
    ...field.fromLast.map((n) => fromLastText(n)),
    ...field.nearestWeekday.map((day) => `${day}W`),
    ...field.nearestWeekdayFromLast.map((n) => `${fromLastText(n)}W`),
  ].join(',');
}

function fromLastText(n: number): string {
  return n === 0 ? 'L' : `L-${n}`;
}

function weekdaysText({ isAny, bits, last, nth }: WeekdayField): string {
  if (isAny) return '*';
  return [
    ...valuesOf(bits, 7).map((v) => WEEKDAY_NAMES[v] ?? ''),
    ...valuesOf(last, 7).map((v) => `${WEEKDAY_NAMES[v] ?? ''}L`),
    ...nth.map(([weekday, n]) => `${WEEKDAY_NAMES[weekday] ?? ''}#${n}`),
  ].join(',');
}

function valuesOf(bits: BitSet, size: number): number[] {
  return Array.from({ length: size }, (_, v) => v).filter((v) => (bits >>> v) & 1);
}

function values60(bits: BitSet60, size: number): number[] {
  return Array.from({ length: size }, (_, v) => v).filter(
    (v) => (v < 30 ? bits.low >>> v : bits.high >>> (v - 30)) & 1,
  );
}
