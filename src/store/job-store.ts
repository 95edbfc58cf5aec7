import type { Job, JobDefinition, JobKey } from '../domain/job.js';
import type { ShardId } from '../domain/shard.js';
import type { EpochMs } from '../domain/time/instant.js';
import type { FireTime, Trigger, TriggerDefinition, TriggerKey } from '../domain/trigger.js';

/** A trigger to be written, with the point from which it fires if it is new or its definition changed. */
export interface TriggerWrite {
  readonly name: string;
  readonly definition: TriggerDefinition;
  /** Nominal times up to here count as decided. The stored watermark wins if it is larger. */
  readonly watermark: EpochMs;
  /** First fire after the watermark; null for a paused trigger, which has no due instant. */
  readonly next: FireTime | null;
}

/**
 * `undefined` = write in any case, a number = only over this version, `null` = only where nothing exists.
 * Sent again after it was applied, a write over a number answers as the first time: the next version is there and
 * holds just what it writes.
 */
export type ExpectedVersion = number | null | undefined;

export type PutOutcome = 'created' | 'changed' | 'unchanged';

/** Under which conditions a write is made. */
export interface PutCondition {
  readonly expectedVersion?: ExpectedVersion;
  /**
   * No trigger is replaced while it is due: what is due of it could not be decided any more, and would be lost
   * without a record.
   */
  readonly ifDecided?: boolean;
}

export interface PutJob extends PutCondition {
  readonly key: JobKey;
  readonly definition: JobDefinition;
  /** Triggers to write in the same transition. */
  readonly triggers?: readonly TriggerWrite[];
  /** Triggers to delete in the same transition; names that do not exist are passed over. */
  readonly removeTriggers?: readonly string[];
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
}

export interface PageRequest {
  readonly cursor?: string | undefined;
  /** 1 to `MAX_PAGE_SIZE`. */
  readonly limit: number;
}

export interface JobFilter extends PageRequest {
  readonly namespace: string;
  readonly paused?: boolean | undefined;
  /** `key` or `key=value`. */
  readonly label?: string | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
}

/**
 * Definitions: jobs and their triggers. Writers are API nodes and clients, any number at once; they are kept
 * apart by version, not by leadership. Every write that makes an earlier fire possible wakes the shard's
 * leader. All methods may throw `StoreUnavailableError`; an unknown outcome is repeated with the same
 * arguments, which is safe.
 */
export interface JobStore {
  readonly shardCount: number;

  /**
   * Writes the job and the given triggers in one transition; other triggers of the job stay. What is equal to
   * what is stored keeps its version, watermark and due instant, so that N replicas may declare one job.
   * A changed trigger starts at max(stored watermark, given watermark). The version of the job grows when its
   * definition or one of the triggers written or removed here changes: it stands for both (ETag, If-Match).
   * Of a partitioned job only the trigger `default` may be written or removed here. Whether a job is partitioned
   * is the same throughout its life. A write of a partitioned job, a pause and the end of one hold in all shards
   * when the call resolves; after a failure in some of them, until it is repeated or `refreshCopies` has run there.
   * Errors: `CJ_VERSION_CONFLICT`; `CJ_DUE_CONFLICT` with `details.triggers`, keys of those that are due;
   * `CJ_VALIDATION_FAILED` for another `partitioned` than the stored one.
   */
  putJob(put: PutJob): Promise<{ outcome: PutOutcome; job: Job }>;

  getJob(key: JobKey): Promise<Job | null>;

  /** By name within the namespace, ascending. */
  listJobs(filter: JobFilter): Promise<Page<Job>>;

  /**
   * Deletes the job and all its triggers. Executions that were recorded stay until their retention ends;
   * queued ones end as cancelled with reason `job-deleted` when a worker meets them. False when there was none.
   * Errors: `CJ_VERSION_CONFLICT`.
   */
  deleteJob(key: JobKey, expectedVersion?: number): Promise<boolean>;

  /** Fires that fall into the pause are passed over and never made up for. Idempotent. Errors: `CJ_JOB_NOT_FOUND`. */
  pauseJob(key: JobKey, reason: string): Promise<Job>;

  /** Idempotent. Errors: `CJ_JOB_NOT_FOUND`. */
  resumeJob(key: JobKey): Promise<Job>;

  /**
   * Writes up to 1000 triggers of one job in one transition; of a partitioned job in one transition per shard.
   * Errors: `CJ_JOB_NOT_FOUND`; `CJ_VERSION_CONFLICT` (only with a single trigger may a version be expected);
   * `CJ_DUE_CONFLICT` as with `putJob`.
   */
  putTriggers(job: JobKey, triggers: readonly TriggerWrite[], condition?: PutCondition): Promise<readonly PutOutcome[]>;

  getTrigger(key: TriggerKey): Promise<Trigger | null>;

  /** Every trigger once, in a stable but unspecified order; a page may hold fewer than `limit` and still have a cursor. */
  listTriggers(job: JobKey, page: PageRequest): Promise<Page<Trigger>>;

  /** Number of triggers of the job. 0 when there is no such job. */
  countTriggers(job: JobKey): Promise<number>;

  /** False when there was none. Errors: `CJ_VERSION_CONFLICT`. */
  deleteTrigger(key: TriggerKey, expectedVersion?: number): Promise<boolean>;

  /**
   * Makes the copies of partitioned jobs in this shard agree with the jobs: what an interrupted write left behind
   * is written, what an interrupted deletion left behind is deleted. Returns how many were wrong. Anybody may
   * call it, at any time; the leader of the shard does, from time to time.
   */
  refreshCopies(shard: ShardId): Promise<number>;
}
