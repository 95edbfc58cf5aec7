import type { FireDecision } from '../domain/fire-plan.js';
import type { Job } from '../domain/job.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Trigger } from '../domain/trigger.js';

/** A decision that waits for its instant, and what it was made from. */
export interface PlannedFire {
  readonly trigger: Trigger;
  readonly job: Job;
  readonly decision: FireDecision;
  /** By the cluster's clock. */
  readonly sendAt: EpochMs;
  /** For which instant it was decided; a decision much older than that is made again. */
  readonly plannedFor: EpochMs;
  /** Revision of the calendars that were asked. */
  readonly calendars: number;
  /** How often the store answered that it was too early. */
  readonly earlyCount: number;
}

/** A fire that comes later than this is made up for at the pace of catching up. A failover stays below it. */
export const LATE_AFTER_MS: DurationMs = 10_000;

/**
 * Is all of it late? Then it does not hold up what is on time. A decision whose first fire is on time is not,
 * whatever it records as missed before that.
 */
export function isLate({ decision: { fires, missed } }: PlannedFire, now: EpochMs): boolean {
  const first = fires[0]?.dueAt ?? missed.at(-1)?.throughAt;
  return first !== undefined && now - first > LATE_AFTER_MS;
}
