import type { EpochMs } from './time/instant.js';

/** A set of time, made ready for fast questions: which instants may be fires, and where the next such stretch begins. */
export interface CompiledCalendar {
  includes(at: EpochMs): boolean;
  /** First included instant at or after `at`; null when there is none. */
  nextIncluded(at: EpochMs): EpochMs | null;
  /** Last included instant at or before `at`; null when there is none. */
  previousIncluded(at: EpochMs): EpochMs | null;
}
