import type { BackfillOverlap, BackfillReason, BackfillState } from '../domain/backfill.js';
import type { CalendarDefinition } from '../domain/calendar.js';
import type { ExecutionReason } from '../domain/execution.js';
import type { ExecutionState } from '../domain/execution-state.js';
import type { JobDefinition } from '../domain/job.js';
import type { JsonValue } from '../domain/json.js';
import type { MisfirePolicy } from '../domain/misfire-policy.js';
import type { OverlapPolicy } from '../domain/overlap-policy.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { DstGap, DstOverlap, Schedule } from '../domain/time/schedule.js';

/** What callers see. Plain JSON: instants are ISO 8601 in UTC with milliseconds, absent fields are left out. */

/** `2026-11-21T02:00:00.000Z` */
export type IsoInstant = string;

/** When something fires, as written inline in a job or in a trigger. */
export interface Timing {
  readonly startAt?: IsoInstant;
  readonly endAt?: IsoInstant;
  readonly maxFires?: number;
  readonly jitterMs?: DurationMs;
  readonly dstGap?: DstGap;
  readonly dstOverlap?: DstOverlap;
  readonly calendars?: readonly string[];
}

export interface JobStatus {
  readonly state: 'active' | 'paused';
  /** When the inline schedule fires next; absent while paused or when nothing follows. */
  readonly nextAt?: IsoInstant;
  readonly triggerCount: number;
  readonly pause?: { readonly since: IsoInstant; readonly reason: string };
}

/** A job, with the schedule of its trigger `default` inline. Signing secrets are masked. */
export interface JobView extends JobDefinition, Timing {
  readonly namespace: string;
  readonly name: string;
  readonly schedule?: Schedule;
  readonly version: number;
  readonly createdAt: IsoInstant;
  readonly updatedAt: IsoInstant;
  readonly status: JobStatus;
}

export interface TriggerStatus {
  /** `finished` = nothing follows. */
  readonly state: 'active' | 'paused' | 'finished';
  readonly nextAt?: IsoInstant;
  readonly fireCount: number;
  readonly lastExecutionId?: string;
}

export interface TriggerView extends Timing {
  readonly namespace: string;
  readonly job: string;
  readonly name: string;
  readonly schedule: Schedule;
  readonly timeZone: string;
  readonly misfire?: MisfirePolicy;
  readonly overlap?: OverlapPolicy;
  readonly data?: JsonValue;
  readonly version: number;
  readonly status: TriggerStatus;
}

/** What a list says of a calendar: everything but its days, hours or file. */
export interface CalendarSummary {
  readonly namespace: string;
  readonly name: string;
  readonly type: CalendarDefinition['type'];
  readonly mode?: 'exclude' | 'include';
  readonly timeZone?: string;
  readonly base?: string;
  readonly description?: string;
  readonly version: number;
  readonly createdAt: IsoInstant;
  readonly updatedAt: IsoInstant;
}

export type CalendarView = CalendarDefinition & Omit<CalendarSummary, keyof CalendarDefinition>;

export interface ExecutionView {
  readonly id: string;
  readonly namespace: string;
  readonly job: string;
  /** Name of the trigger; null for a run asked for by a caller. */
  readonly trigger: string | null;
  readonly state: ExecutionState;
  readonly reason?: ExecutionReason;
  readonly nominalAt: IsoInstant;
  readonly dueAt: IsoInstant;
  readonly firedAt: IsoInstant;
  readonly startedAt?: IsoInstant;
  readonly finishedAt?: IsoInstant;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly idempotencyKey: string;
  readonly worker?: string;
  readonly epoch: number;
  readonly cancelRequested?: true;
  /** Id of the backfill that it belongs to. */
  readonly backfill?: string;
  readonly data?: JsonValue;
  readonly result?: JsonValue;
  readonly error?: { readonly code: string; readonly message: string };
  readonly missed?: { readonly count: number; readonly throughAt: IsoInstant };
}

export interface BackfillView {
  readonly id: string;
  readonly namespace: string;
  readonly job: string;
  readonly trigger: string;
  readonly from: IsoInstant;
  readonly to: IsoInstant;
  readonly overlap: BackfillOverlap;
  readonly data?: JsonValue;
  readonly state: BackfillState;
  readonly reason?: BackfillReason;
  /** Times in the range, and how many of them were queued or skipped so far. */
  readonly count: number;
  readonly queuedCount: number;
  readonly skippedCount: number;
  readonly createdAt: IsoInstant;
  readonly finishedAt?: IsoInstant;
}

export interface PreviewFire {
  readonly at: IsoInstant;
  /** The same instant on the wall clock of the zone, with its offset. */
  readonly local: string;
  /** What a daylight saving change did to it. */
  readonly note?: string;
}

export interface SchedulePreview {
  readonly description: string;
  readonly fires: readonly PreviewFire[];
}
