import type { JsonValue } from '../../src/domain/json.js';

/**
 * When a trigger is to fire, in terms that need no code of the product: nominal times are `phaseMs` + n · `periodMs`,
 * before `endAt`. Travels as the data of the trigger, so that it is edited together with the schedule.
 */
export interface Timetable {
  readonly periodMs: number;
  readonly phaseMs: number;
  readonly jitterMs: number;
  /** Null = for ever. */
  readonly endAt: number | null;
  readonly maxFires: number | null;
  readonly graceMs: number;
}

export function timetableOf(data: JsonValue | undefined): Timetable {
  return data as unknown as Timetable;
}

/** Nominal times in (`after`, `until`]. */
export function nominalTimes(table: Timetable, after: number, until: number): readonly number[] {
  const times: number[] = [];
  for (let at = nextNominal(table, after); at !== null && at <= until; at = nextNominal(table, at)) times.push(at);
  return times;
}

/** The first nominal time after `after`; null when there is none. */
export function nextNominal({ periodMs, phaseMs, endAt }: Timetable, after: number): number | null {
  const at = phaseMs + (Math.floor((after - phaseMs) / periodMs) + 1) * periodMs;
  return endAt !== null && at >= endAt ? null : at;
}

/** When a trigger is to fire that counts from the end of its last execution. */
export interface DelayTable {
  readonly delayMs: number;
  readonly endAt: number | null;
  readonly maxFires: number | null;
  readonly graceMs: number;
}

export function isDelay(data: JsonValue | undefined): boolean {
  return typeof data === 'object' && data !== null && 'delayMs' in data;
}

export function delayOf(data: JsonValue | undefined): DelayTable {
  return data as unknown as DelayTable;
}
