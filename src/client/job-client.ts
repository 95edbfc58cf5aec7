import type { BackfillInput } from '../domain/backfill.js';
import type { CalendarInput } from '../domain/calendar.js';
import type { CloudJobError } from '../domain/errors.js';
import type { ExecutionState } from '../domain/execution-state.js';
import type { JsonValue } from '../domain/json.js';
import type { TriggerInput } from '../domain/trigger.js';
import type { ExpectedVersion, Page, PutOutcome } from '../store/job-store.js';
import type { JobInput, PreviewInput } from './job-input.js';
import type {
  BackfillView,
  CalendarSummary,
  CalendarView,
  ExecutionView,
  JobView,
  SchedulePreview,
  TriggerView,
} from './views.js';

/** `undefined` = whatever is stored, a number = only over this version, `null` = only where nothing exists. */
export interface WriteOptions {
  readonly ifVersion?: ExpectedVersion;
}

export interface PageOptions {
  readonly cursor?: string | undefined;
  /** 1 to 500, default 50. */
  readonly limit?: number | undefined;
}

export interface JobQuery extends PageOptions {
  readonly state?: 'active' | 'paused' | undefined;
  /** `key` or `key=value`. */
  readonly label?: string | undefined;
  /** Part of the name. */
  readonly q?: string | undefined;
}

export interface ExecutionQuery extends PageOptions {
  readonly job?: string | undefined;
  readonly state?: ExecutionState | undefined;
  /** ISO 8601 instant: only with a nominal time at or after it. */
  readonly since?: string | undefined;
}

export interface RunOptions {
  /** Replaces the job's data for this run. */
  readonly data?: JsonValue | undefined;
  /** The same key for the same job is the same run, for 24 hours or as long as its record is kept. 1 to 255 characters. */
  readonly idempotencyKey?: string | undefined;
}

/** What became of one trigger of a bulk write; `error` means that this one was not written. */
export type TriggerResult =
  { readonly name: string; readonly outcome: PutOutcome } | { readonly name?: string; readonly error: CloudJobError };

/**
 * Everything that a caller does with the jobs of one namespace, over the store or over REST alike.
 * Errors, besides those named: `CJ_VALIDATION_FAILED` and `CJ_SCHEDULE_INVALID` with the fields at fault, and
 * `StoreUnavailableError` or `ApiUnavailableError`, after which a call may be repeated.
 */
export interface JobClient {
  readonly namespace: string;

  /**
   * Full replacement: what is absent gets its default, and without `schedule` the inline schedule is removed.
   * Other triggers stay. A put of what is stored changes nothing. Errors: `CJ_VERSION_CONFLICT`.
   */
  putJob(input: JobInput, options?: WriteOptions): Promise<{ readonly outcome: PutOutcome; readonly job: JobView }>;

  /** RFC 7396 merge patch over what a put would take. Errors: `CJ_JOB_NOT_FOUND`, `CJ_VERSION_CONFLICT`. */
  patchJob(job: string, patch: unknown, options?: WriteOptions): Promise<JobView>;

  /** Errors: `CJ_JOB_NOT_FOUND`. */
  getJob(job: string): Promise<JobView>;

  /** By name, ascending. */
  listJobs(query?: JobQuery): Promise<Page<JobView>>;

  /** With all its triggers; records of executions stay. Errors: `CJ_JOB_NOT_FOUND`, `CJ_VERSION_CONFLICT`. */
  deleteJob(job: string, options?: WriteOptions): Promise<void>;

  /** Idempotent. Fires that fall into the pause are not made up for. Errors: `CJ_JOB_NOT_FOUND`. */
  pauseJob(job: string, reason?: string): Promise<JobView>;

  /** Idempotent. Errors: `CJ_JOB_NOT_FOUND`. */
  resumeJob(job: string): Promise<JobView>;

  /** Full replacement. Errors: `CJ_JOB_NOT_FOUND`, `CJ_VERSION_CONFLICT`. */
  putTrigger(
    job: string,
    input: TriggerInput & { readonly name: string },
    options?: WriteOptions,
  ): Promise<{ readonly outcome: PutOutcome; readonly trigger: TriggerView }>;

  /**
   * Writes any number of triggers, in order, in chunks of up to 1000, each chunk as a whole. A trigger that is
   * invalid is left out and reported; the others are written. Results in the order of the input.
   * Errors: `CJ_JOB_NOT_FOUND`; after a store error the chunks before it are written, and the call may be repeated.
   */
  putTriggers(job: string, triggers: readonly unknown[]): Promise<readonly TriggerResult[]>;

  /** RFC 7396 merge patch. Errors: `CJ_TRIGGER_NOT_FOUND`, `CJ_VERSION_CONFLICT`. */
  patchTrigger(job: string, trigger: string, patch: unknown, options?: WriteOptions): Promise<TriggerView>;

  /** Errors: `CJ_TRIGGER_NOT_FOUND`. */
  getTrigger(job: string, trigger: string): Promise<TriggerView>;

  /** In a stable order; a page may hold fewer than `limit` and still have a cursor. Errors: `CJ_JOB_NOT_FOUND`. */
  listTriggers(job: string, query?: PageOptions): Promise<Page<TriggerView>>;

  /** Errors: `CJ_TRIGGER_NOT_FOUND`, `CJ_VERSION_CONFLICT`. */
  deleteTrigger(job: string, trigger: string, options?: WriteOptions): Promise<void>;

  /** Idempotent. Errors: `CJ_TRIGGER_NOT_FOUND`. */
  pauseTrigger(job: string, trigger: string): Promise<TriggerView>;

  /** Goes on from now: paused time is not made up for. Idempotent. Errors: `CJ_TRIGGER_NOT_FOUND`, `CJ_STATE_CONFLICT` when nothing follows. */
  resumeTrigger(job: string, trigger: string): Promise<TriggerView>;

  /** Queues one execution outside the schedule. Errors: `CJ_JOB_NOT_FOUND`, `CJ_IDEMPOTENCY_CONFLICT`. */
  run(job: string, options?: RunOptions): Promise<ExecutionView>;

  /**
   * Queues the times of a trigger in a past range once more; they are worked off by the leader. Errors:
   * `CJ_JOB_NOT_FOUND`, `CJ_TRIGGER_NOT_FOUND`, `CJ_IDEMPOTENCY_CONFLICT` for another one of this id.
   */
  startBackfill(job: string, input: BackfillInput): Promise<BackfillView>;

  /** Errors: `CJ_BACKFILL_NOT_FOUND`. */
  getBackfill(job: string, id: string): Promise<BackfillView>;

  /** Oldest first. Errors: `CJ_JOB_NOT_FOUND`. */
  listBackfills(job: string): Promise<readonly BackfillView[]>;

  /** Queues nothing more; what is queued stays. Idempotent. Errors: `CJ_BACKFILL_NOT_FOUND`. */
  cancelBackfill(job: string, id: string): Promise<BackfillView>;

  /** Errors: `CJ_EXECUTION_NOT_FOUND`. */
  getExecution(id: string): Promise<ExecutionView>;

  /** Newest nominal time first within a job. */
  listExecutions(query?: ExecutionQuery): Promise<Page<ExecutionView>>;

  /** A running execution is told at its next sign of life; an ended one stays as it is. Errors: `CJ_EXECUTION_NOT_FOUND`. */
  cancelExecution(id: string): Promise<ExecutionView>;

  /** Queues a failed execution once more. Errors: `CJ_EXECUTION_NOT_FOUND`, `CJ_STATE_CONFLICT`. */
  retryExecution(id: string): Promise<ExecutionView>;

  /**
   * Full replacement. Triggers that name the calendar are planned anew: within moments their next fires follow it.
   * Errors: `CJ_VERSION_CONFLICT`; `CJ_CALENDAR_NOT_FOUND` for its base; `CJ_STATE_CONFLICT` when there are too many.
   */
  putCalendar(
    name: string,
    calendar: CalendarInput,
    options?: WriteOptions,
  ): Promise<{ readonly outcome: PutOutcome; readonly calendar: CalendarView }>;

  /** Errors: `CJ_CALENDAR_NOT_FOUND`. */
  getCalendar(name: string): Promise<CalendarView>;

  /** All of the namespace, by name, without their days. */
  listCalendars(): Promise<readonly CalendarSummary[]>;

  /** Errors: `CJ_CALENDAR_NOT_FOUND`, `CJ_VERSION_CONFLICT`, `CJ_STATE_CONFLICT` while calendars or triggers name it. */
  deleteCalendar(name: string, options?: WriteOptions): Promise<void>;

  /** The next fires of a schedule that need not be stored. */
  previewSchedule(input: PreviewInput): Promise<SchedulePreview>;

  /** Lets go of what the client opened itself. */
  close(): Promise<void>;
}
