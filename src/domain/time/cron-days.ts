import { bitsOf } from './bit-sets.js';
import {
  DAY_OF_MONTH,
  entriesOf,
  fragmentError,
  readEntry,
  readNumber,
  readValue,
  type FieldSpec,
  type ReadOptions,
} from './cron-entries.js';
import type { DayOfMonthField, WeekdayField } from './cron-fields.js';

/** The two day fields, which both dialects extend with `L`, `W` and `#`. */

export const ANY_DAY: DayOfMonthField = {
  isAny: true,
  bits: 0,
  fromLast: [],
  nearestWeekday: [],
  nearestWeekdayFromLast: [],
};
export const ANY_WEEKDAY: WeekdayField = { isAny: true, bits: 0, last: 0, nth: [] };

/** Most days that `L-n` goes back. */
const MAX_FROM_LAST = 30;

export function readDays(text: string, options: ReadOptions): DayOfMonthField {
  const values: number[] = [];
  const fromLast = new Set<number>();
  const nearestWeekday = new Set<number>();
  const nearestWeekdayFromLast = new Set<number>();
  for (const entry of entriesOf(text, DAY_OF_MONTH)) {
    const special = /^(?:L(?:-(\d{1,2}))?(W)?|(\d{1,2})W)$/i.exec(entry);
    if (special === null) {
      const read = readEntry(entry, DAY_OF_MONTH, options);
      if (read.isStar) return ANY_DAY;
      values.push(...read.values);
    } else if (special[3] !== undefined) {
      nearestWeekday.add(readValue(special[3], entry, DAY_OF_MONTH));
    } else {
      const n = Number(special[1] ?? 0);
      if (n > MAX_FROM_LAST) throw fragmentError(entry, DAY_OF_MONTH, 'goes back too far', 'L-1 to L-30');
      (special[2] === undefined ? fromLast : nearestWeekdayFromLast).add(n);
    }
  }
  return {
    isAny: false,
    bits: bitsOf(values.map((v) => v - 1)),
    fromLast: sorted(fromLast),
    nearestWeekday: sorted(nearestWeekday),
    nearestWeekdayFromLast: sorted(nearestWeekdayFromLast),
  };
}

/** `toSunday0` turns the dialect's number of a weekday into ours. */
export function readWeekdays(
  text: string,
  spec: FieldSpec,
  toSunday0: (value: number) => number,
  options: ReadOptions,
): WeekdayField {
  const values: number[] = [];
  const last: number[] = [];
  const nth = new Map<number, readonly [number, number]>();
  for (const entry of entriesOf(text, spec)) {
    const numbered = /^(\w+)#(.*)$/.exec(entry);
    if (numbered !== null) {
      const [, base = '', n = ''] = numbered;
      const number = readNumber(n);
      if (number === null || number < 1 || number > 5) {
        throw fragmentError(entry, spec, 'has a number of the weekday that is out of range', '#1 to #5');
      }
      const weekday = toSunday0(readValue(base, entry, spec));
      nth.set(weekday * 8 + number, [weekday, number]);
    } else if (/^\w+L$/i.test(entry)) {
      last.push(toSunday0(readValue(entry.slice(0, -1), entry, spec)));
    } else {
      const read = readEntry(entry, spec, options);
      if (read.isStar) return ANY_WEEKDAY;
      values.push(...read.values.map(toSunday0));
    }
  }
  return {
    isAny: false,
    bits: bitsOf(values),
    last: bitsOf(last),
    nth: sorted(nth.keys()).map((key) => nth.get(key) as readonly [number, number]),
  };
}

function sorted(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}
