import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './civil.js';
import type { DurationMs } from './instant.js';

/** What descriptions in every language need to know about a schedule. */

export type DurationUnit = 'day' | 'hour' | 'minute' | 'second' | 'millisecond';

const UNITS: readonly (readonly [DurationMs, DurationUnit])[] = [
  [DAY_MS, 'day'],
  [HOUR_MS, 'hour'],
  [MINUTE_MS, 'minute'],
  [SECOND_MS, 'second'],
];

/** A length of time as a whole number of the largest unit that divides it. */
export function inLargestUnit(ms: DurationMs): { count: number; unit: DurationUnit } {
  const [unitMs, unit] = UNITS.find(([length]) => ms % length === 0) ?? [1, 'millisecond' as const];
  return { count: ms / unitMs, unit };
}

/** `FREQ=…` out of the text of a recurrence; undefined when it has only dates. */
export function ruleOfText(rrule: string): string | undefined {
  return /(?:^|\n)(?:RRULE:)?(FREQ=[^\n]*)/i.exec(rrule)?.[1]?.trim();
}

/** `09:05` */
export function timeOfDay({ hour, minute }: { readonly hour: number; readonly minute: number }): string {
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}
