import {
  has,
  has60,
  highestUntil,
  highestUntil60,
  lowestFrom,
  lowestFrom60,
  type BitSet,
  type BitSet60,
} from './bit-sets.js';

/** Every combination of an hour, a minute and a second out of three sets, none of them empty. */
export interface TimesOfDay {
  /** Bits 0-23. */
  readonly hours: BitSet;
  readonly minutes: BitSet60;
  readonly seconds: BitSet60;
}

/** No such second. */
export const NO_SECOND = -1;

/** The first matching second of the day at or after `second` (0-86399), or `NO_SECOND`. */
export function secondFrom({ hours, minutes, seconds }: TimesOfDay, second: number): number {
  const hour = (second / 3600) | 0;
  const minute = ((second / 60) | 0) % 60;
  if (has(hours, hour)) {
    if (has60(minutes, minute)) {
      const found = lowestFrom60(seconds, second % 60);
      if (found < 60) return hour * 3600 + minute * 60 + found;
    }
    const found = lowestFrom60(minutes, minute + 1);
    if (found < 60) return hour * 3600 + found * 60 + lowestFrom60(seconds, 0);
  }
  const found = lowestFrom(hours, hour + 1);
  if (found > 23) return NO_SECOND;
  return found * 3600 + lowestFrom60(minutes, 0) * 60 + lowestFrom60(seconds, 0);
}

/** The last matching second of the day at or before `second` (0-86399), or `NO_SECOND`. */
export function secondUntil({ hours, minutes, seconds }: TimesOfDay, second: number): number {
  const hour = (second / 3600) | 0;
  const minute = ((second / 60) | 0) % 60;
  if (has(hours, hour)) {
    if (has60(minutes, minute)) {
      const found = highestUntil60(seconds, second % 60);
      if (found >= 0) return hour * 3600 + minute * 60 + found;
    }
    const found = highestUntil60(minutes, minute - 1);
    if (found >= 0) return hour * 3600 + found * 60 + highestUntil60(seconds, 59);
  }
  const found = highestUntil(hours, hour - 1);
  if (found < 0) return NO_SECOND;
  return found * 3600 + highestUntil60(minutes, 59) * 60 + highestUntil60(seconds, 59);
}
