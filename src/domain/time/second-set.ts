import { has, has60 } from './bit-sets.js';
import { NO_SECOND, secondFrom, secondUntil, type TimesOfDay } from './times-of-day.js';

/** Seconds counted from the start of a day, an hour or a minute, ascending. */
export interface SecondSet {
  readonly size: number;
  /** The one with this index, from 0. */
  nth(index: number): number;
  /** The first at or after `second`, or `NO_SECOND`. */
  firstFrom(second: number): number;
  /** The last at or before `second`, or `NO_SECOND`. */
  lastUntil(second: number): number;
}

/** Every combination of hour, minute and second: never written out, there may be 86,400 of them. */
export class CombinedSeconds implements SecondSet {
  readonly size: number;
  private readonly hours: readonly number[];
  private readonly minutes: readonly number[];
  private readonly seconds: readonly number[];

  constructor(private readonly times: TimesOfDay) {
    this.hours = numbersBelow(24).filter((hour) => has(times.hours, hour));
    this.minutes = numbersBelow(60).filter((minute) => has60(times.minutes, minute));
    this.seconds = numbersBelow(60).filter((second) => has60(times.seconds, second));
    this.size = this.hours.length * this.minutes.length * this.seconds.length;
  }

  nth(index: number): number {
    const { hours, minutes, seconds } = this;
    const rest = Math.floor(index / seconds.length);
    const hour = hours[Math.floor(rest / minutes.length)] ?? 0;
    const minute = minutes[rest % minutes.length] ?? 0;
    return hour * 3600 + minute * 60 + (seconds[index % seconds.length] ?? 0);
  }

  firstFrom(second: number): number {
    return second >= 86_400 ? NO_SECOND : secondFrom(this.times, Math.max(second, 0));
  }

  lastUntil(second: number): number {
    return second < 0 ? NO_SECOND : secondUntil(this.times, Math.min(second, 86_399));
  }
}

export class ListedSeconds implements SecondSet {
  readonly size: number;

  /** Ascending. */
  constructor(private readonly seconds: readonly number[]) {
    this.size = seconds.length;
  }

  nth(index: number): number {
    return this.seconds[index] ?? NO_SECOND;
  }

  firstFrom(second: number): number {
    return this.seconds.find((at) => at >= second) ?? NO_SECOND;
  }

  lastUntil(second: number): number {
    return this.seconds.findLast((at) => at <= second) ?? NO_SECOND;
  }
}

/** The indexes that BYSETPOS picks out of `size` times, ascending. */
export function pickedIndexes(positions: readonly number[], size: number): number[] {
  const indexes = new Set(positions.map((position) => (position > 0 ? position - 1 : size + position)));
  return [...indexes].filter((index) => index >= 0 && index < size).sort((a, b) => a - b);
}

function numbersBelow(size: number): number[] {
  return Array.from({ length: size }, (_, n) => n);
}
